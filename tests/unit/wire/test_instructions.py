"""The operator's instruction in a request of any format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.instructions import instructed

MESSAGES = [{"role": "system", "content": "old"}, {"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("api_format", "request_body", "changed"),
    [
        ("openai_chat", {"messages": MESSAGES}, {"messages": [{"role": "system", "content": "new"}, *MESSAGES]}),
        ("anthropic_messages", {"messages": []}, {"system": "new"}),
        ("anthropic_messages", {"system": "old"}, {"system": "new\n\nold"}),
        (
            "anthropic_count_tokens",
            {"system": [{"type": "text", "text": "old"}]},
            {"system": [{"type": "text", "text": "new"}, {"type": "text", "text": "old"}]},
        ),
        ("openai_responses", {"input": "hi"}, {"instructions": "new"}),
        ("openai_responses", {"instructions": "old"}, {"instructions": "new\n\nold"}),
    ],
)
def test_it_comes_before_what_the_client_says(
    api_format: str, request_body: dict[str, Any], changed: dict[str, Any]
) -> None:
    """In the place that the format has for it."""
    raw = json.dumps(request_body).encode()

    assert json.loads(instructed(raw, api_format, "new")) == request_body | changed


def test_everything_else_keeps_its_bytes() -> None:
    """Law 5."""
    raw = b'{"messages": [{ "role":"user", "content":"\\u00e9" }], "temperature": 1.0}'

    kept = b'"messages":[{"role":"system","content":"x"},{ "role":"user", "content":"\\u00e9" }],"temperature":1.0'
    assert instructed(raw, "openai_chat", "x") == b"{" + kept + b"}"


def test_a_format_without_a_place_is_refused() -> None:
    """The model would not be told what it has to be told."""
    with pytest.raises(UnreadableError, match="ask by chat"):
        instructed(b'{"prompt": "hi"}', "openai_completions", "x")
