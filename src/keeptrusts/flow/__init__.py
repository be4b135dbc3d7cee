"""Sequences: one request from first byte to record, as generators of effects. Sans-io: `gateway.driver` performs them."""
