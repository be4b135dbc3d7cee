"""Translates: SSE and the providers' JSON to core and back. Sans-io."""
