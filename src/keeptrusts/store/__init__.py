"""Remembers: transactions and tables, one module a noun."""
