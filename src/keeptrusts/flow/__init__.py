"""Sequences: one request from first byte to record, as generators of effects that `gateway.driver` performs."""
