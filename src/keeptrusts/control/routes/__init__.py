"""One module a noun: `router`, whose routes say who may call them, and what they do."""
