"""Why a provider refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.wire.failures import named_by, refused_because


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (400, body(code="context_length_exceeded"), "context_window"),
        (400, body(type="invalid_request_error", message="prompt is too long: 9 tokens > 8"), "context_window"),
        (413, body(type="request_too_large", message="Request exceeds the maximum size"), "context_window"),
        (400, body(code=400, message="This model's maximum context length is 4096 tokens"), "context_window"),
        (400, body(code="content_filter"), "content_policy"),
        (400, body(code="content_policy_violation"), "content_policy"),
        (400, body(message="... Azure OpenAI's content management policy ..."), "content_policy"),
        (400, body(code="invalid_api_key"), None),
        (401, body(code="content_filter"), None),
        (400, b"not json", None),
        (400, b"[" * 100_000, None),
        (400, b'{"error": "content_filter"}', None),
        (400, b'["content_filter"]', None),
        (400, body(code=["content_filter"], message=7), None),
    ],
)
def test_reasons(status: int, said: bytes, reason: str | None) -> None:
    """As each provider says it; what cannot be read is no reason."""
    assert refused_because(status, said) == reason


@pytest.mark.parametrize(
    ("said", "amazons", "told"),
    [
        (body(code="unsupported_value", type="invalid_request_error", param="messages[0].role", message="no"), "",
         "`unsupported_value` of `messages[0].role`"),
        (body(type="invalid_request_error", message="no"), "", "`invalid_request_error`"),
        (body(code=None, param="temperature"), "", ""),
        (body(code="write to ada@example.com", type="no such thing", param="x"), "", ""),
        (body(code="sk-proj-abcdef", param="a b"), "", ""),
        (body(code="x" * 65), "", ""),
        (body(code=400), "", ""),
        (b'{"message": "no"}', "ValidationException:http://internal.amazon.com/coral/", "`ValidationException`"),
        (b"not json", "an error: with words", ""),
        (b"[" * 100_000, "", ""),
    ],
)  # fmt: skip
def test_by_what_names_a_provider_refuses(said: bytes, amazons: str, told: str) -> None:
    """Words of programs alone; no sentence, and nothing that could be a key or a text."""
    assert named_by(said, amazons) == told
