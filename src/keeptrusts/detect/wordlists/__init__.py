"""Phrases that give a subject away, by category. Small lists, written down here from public facts; not complete."""
