"""Finds: normaliser, scanners, checksums. Pure."""
