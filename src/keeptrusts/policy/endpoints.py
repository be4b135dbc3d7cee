"""What the blocks of kinds that ask somebody else have in common: the endpoint, its secret, and a question to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from keeptrusts.policy.asking import Credential, Question
from keeptrusts.policy.reading import not_enforced
from keeptrusts.policy.schema import Fault
from keeptrusts.policy.sections import SecretRef


def credential_of(ref: SecretRef | None, header: str = "authorization", prefix: str = "Bearer ") -> Credential | None:
    """The secret of a block that lints."""
    return Credential(ref.env, header, prefix) if ref is not None and ref.env else None


def secrets_of(*refs: SecretRef | None) -> tuple[str, ...]:
    """Variables of the environment that these name."""
    return tuple(ref.env for ref in refs if ref is not None and ref.env)


def secret_faults(ref: SecretRef | None) -> Iterable[Fault]:
    """A secret that the control plane holds does not reach a policy."""
    if ref is not None and ref.store is not None:
        said = not_enforced("secret_key_ref.store", "write `secret_key_ref: {env: NAME}`")
        yield Fault("E009", ("secret_key_ref", "store"), *said)


def missing_endpoint(why: str) -> Fault:
    """There is nobody to ask."""
    return Fault("E004", ("endpoint",), f"`endpoint` is missing: {why}", "add `endpoint:` with the URL to ask")


def post(url: str, document: Any, *, timeout_ms: int, credential: Credential | None = None) -> Question:
    """A question whose body is JSON."""
    headers = (("content-type", "application/json"), ("accept", "application/json"))
    body = json.dumps(document).encode()
    return Question(url=url, timeout_ms=timeout_ms, headers=headers, body=body, credential=credential)
