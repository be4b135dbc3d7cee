"""What providers seal for themselves, in requests and answers of chat: no text, and untouched."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from keeptrusts.policy.document import compile_document
from keeptrusts.wire.openai_chat import read_answer, read_request
from keeptrusts.wire.sealed import LEAST_CHARS, legible
from support.flows import STREAM, Provider, chunk, play
from support.policy_cases import document

SIGNATURE = base64.b64encode(b"".join(hashlib.sha256(bytes([one])).digest() for one in range(8))).decode()
SIGNED = {"google": {"thought_signature": SIGNATURE}}
CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
THOUGHT = [
    {"type": "reasoning.text", "text": "look it up", "signature": SIGNATURE},
    {"type": "reasoning.encrypted", "data": SIGNATURE, "id": "r1", "index": 1},
]
TARGET = {"id": "up", "provider": "google", "secret_key_ref": {"env": "K"}}
GOVERNED = compile_document(document({"secret-scanner": {}, "pii-detector": {}}, providers={"targets": [TARGET]}))


def message(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "a moment", **fields}


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (message(tool_calls=[CALL | {"extra_content": SIGNED}]), []),
        (message(extra_content=SIGNED), []),
        (message(reasoning_details=THOUGHT), ["look it up"]),
    ],
)
def test_it_is_no_text(said: dict[str, Any], texts: list[str]) -> None:
    """In a request and in an answer; what stands beside it is one."""
    asked = read_request(json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}, said]}).encode())
    answered = read_answer(json.dumps({"id": "c", "choices": [{"index": 0, "message": said}]}).encode())

    for read in (asked, answered):
        values = [text.value for text in read.texts]
        assert SIGNATURE not in values
        assert [value for value in values if value == "look it up"] == texts


@pytest.mark.parametrize(
    "value",
    [
        {"thought_signature": "AKIAIOSFODNN7EXAMPLE"},
        {"thought_signature": f"{SIGNATURE} and more"},
        {"thought_signature": {"a": SIGNATURE}},
        {"type": "text", "data": SIGNATURE},
        {"data": SIGNATURE},
        {"type": "reasoning.encrypted", "text": SIGNATURE},
    ],
)
def test_what_is_not_sealed_stays_a_text(value: dict[str, Any]) -> None:
    """Something short, legible, of another form or by another name."""
    assert legible([value]) == [value]


def test_what_is_short_is_sealed_for_its_own_provider_alone() -> None:
    """Where the provider may be anybody, a short value is looked at like any other text."""
    short = {"encrypted_content": "AKIAIOSFODNN7EXAMPLE"}

    assert legible(short) == {}
    assert legible(short, LEAST_CHARS) == short
    assert legible({"encrypted_content": SIGNATURE, "a": None}, LEAST_CHARS) == {"a": None}


def test_a_conversation_with_signed_calls() -> None:
    """It reaches the provider as it came, and answers reach the client so, though a scanner looks for secrets."""
    turn = message(tool_calls=[CALL | {"extra_content": SIGNED}], reasoning_details=THOUGHT)
    result = {"role": "tool", "tool_call_id": "c", "content": "sunny"}
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}, turn, result]}).encode()
    answer = json.dumps({"id": "c", "choices": [{"index": 0, "message": turn, "finish_reason": "tool_calls"}]}).encode()
    whole = play(GOVERNED, body, Provider([answer]))
    frames = [
        chunk({"role": "assistant", "content": "a moment"}),
        chunk({"tool_calls": [{"index": 0, **CALL, "extra_content": SIGNED}]}),
        chunk({"reasoning_details": THOUGHT[1:]}),
        chunk({}, finish="tool_calls"),
        b"data: [DONE]\n\n",
    ]
    streamed = play(GOVERNED, STREAM, Provider(frames, media_type="text/event-stream"))

    assert (whole.sent_upstream[0].body, whole.body) == (body, answer)
    assert streamed.body == b"".join(frames)
    assert (whole.record.verdict, streamed.record.verdict) == ("allowed", "allowed")
