"""One module a kind; `KINDS` is their registry."""
