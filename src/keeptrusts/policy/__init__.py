"""Decides: document -> findings, document -> chain -> verdict. Pure Python, no I/O, no clock; nothing here is compiled, so the Terraform provider carries it."""
