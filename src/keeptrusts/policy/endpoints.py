"""What the blocks of kinds that ask somebody else have in common: the endpoint, its secret, and a question to it."""

from __future__ import annotations

import json
from typing import Any

from keeptrusts.policy.asking import STORED, Credential, Question
from keeptrusts.policy.schema import Fault
from keeptrusts.policy.secret_refs import SecretRef


def credential_of(
    ref: SecretRef | None, header: str = "authorization", prefix: str = "Bearer ", *, user: str | None = None
) -> Credential | None:
    """The secret of a block that lints; with a user it is the password of HTTP's basic authentication."""
    name = _name_of(ref)
    return Credential(name, header, prefix, user) if name else None


def secrets_of(*refs: SecretRef | None) -> tuple[str, ...]:
    """The names of secrets that these are about."""
    return tuple(name for ref in refs if (name := _name_of(ref)))


def _name_of(ref: SecretRef | None) -> str:
    if ref is None:
        return ""
    return ref.env or (STORED + ref.store if ref.store else "")


def missing_endpoint(why: str) -> Fault:
    """There is nobody to ask."""
    return Fault("E004", ("endpoint",), f"`endpoint` is missing: {why}", "add `endpoint:` with the URL to ask")


def post(url: str, document: Any, *, timeout_ms: int, credential: Credential | None = None) -> Question:
    """A question whose body is JSON."""
    headers = (("content-type", "application/json"), ("accept", "application/json"))
    body = json.dumps(document).encode()
    return Question(url=url, timeout_ms=timeout_ms, headers=headers, body=body, credential=credential)
