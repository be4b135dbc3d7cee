"""Proves: hash chain, signatures, bundles. Pure."""
