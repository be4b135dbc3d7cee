"""Ephemeral resources: credentials that no plan and no state holds."""
