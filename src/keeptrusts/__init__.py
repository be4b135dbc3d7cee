"""Keeptrusts: AI governance as code. Declared in policy documents, enforced by gateways, proved by records."""
