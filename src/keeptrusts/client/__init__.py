"""Asks: a typed, synchronous REST client."""
