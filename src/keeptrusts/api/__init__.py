"""
The REST contract, shared by both ends: one TypedDict per body, one module per noun.

A body that arrives is validated against these by the control plane (pydantic reads TypedDicts and `annotated_types`);
the client, and the Terraform provider that carries no third-party validator, use them as types alone. A key that may be
absent is `NotRequired`; in a PATCH, absent means "leave", null means "clear". Unknown keys are refused (422).
"""
