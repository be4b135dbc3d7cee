"""`kt`: one module a command group."""
