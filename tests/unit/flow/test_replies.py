"""Answers that the gateway gives itself, and whether clients are to repeat what they answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UpstreamTimeoutError, UpstreamUnreachableError
from keeptrusts.policy.kinds.secret_scanner import SecretScanner
from support.flows import HELLO, Provider, play, policy_of


@pytest.mark.parametrize(
    ("fields", "provider", "told"),
    [
        ({"targets": ()}, (), True),
        ({"enabled": False}, (), True),
        ({}, Provider(refuses=UpstreamUnreachableError("no", code="credential_missing")), False),
        ({}, Provider([b"{}"], status=401), True),
        ({}, Provider([b"{}"], status=503), False),
        ({}, Provider(refuses=UpstreamTimeoutError("late")), False),
        ({}, Provider([b"{}"], status=429), False),
    ],
)
def test_what_lasts_is_not_to_be_repeated(fields: dict[str, Any], provider: Any, *, told: bool) -> None:
    """Official clients repeat failures by themselves; what goes over may be tried again."""
    seen = play(policy_of(**fields), HELLO, provider)

    assert seen.status >= 400
    assert (seen.headers.get("x-should-retry") == "false") is told


def test_an_objection_is_not_to_be_repeated() -> None:
    """Clients take a 409 for a lock that will open; here each try would be a decision of its own."""
    asked = {"model": "m", "messages": [{"role": "user", "content": "AKIAQ3ERTY7UI2OPASDF"}]}
    seen = play(policy_of(SecretScanner(action="block")), json.dumps(asked).encode())

    assert (seen.status, seen.headers["x-should-retry"]) == (409, "false")


def test_a_provider_s_refusal_is_named() -> None:
    """By its own code, so that the caller finds what is wrong; its sentence stays here."""
    said = {"error": {"code": "unsupported_value", "param": "temperature", "message": "the key is sk-1"}}
    seen = play(policy_of(), HELLO, Provider([json.dumps(said).encode()], status=400))

    assert (seen.status, seen.error["code"]) == (400, "upstream_refused")
    assert seen.error["message"] == "the provider refused with status 400: `unsupported_value` of `temperature`"
    assert b"sk-1" not in seen.body
