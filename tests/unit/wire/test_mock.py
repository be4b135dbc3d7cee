"""The built-in provider: deterministic answers in the form of a real one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.wire.mock import MockAnswer, mock_answer
from keeptrusts.wire.openai_chat import read_answer
from keeptrusts.wire.readings import Usage
from keeptrusts.wire.refusal import error_body, error_frame
from support.flows import documents, said


def request(**fields: Any) -> bytes:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "so?"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": "Zürich"}]},
    ]
    return json.dumps({"model": "m", "messages": messages, **fields}).encode()


def body_of(answer: MockAnswer) -> bytes:
    return b"".join(answer.pieces)


def test_it_echoes_what_the_user_said_last() -> None:
    """All parts of that message: so a demo shows what a provider received."""
    read = read_answer(body_of(mock_answer(request())))

    assert [text.value for text in read.texts] == ["hello\nZürich"]
    assert read.usage == Usage(5, 4)


def test_a_stream_says_the_same() -> None:
    """In deltas of the size that was asked for, with usage when that was asked for."""
    answer = mock_answer(request(stream=True, stream_options={"include_usage": True}), chunk_chars=5)
    found = list(documents(body_of(answer)))

    assert answer.media_type == "text/event-stream"
    assert said(body_of(answer)) == "hello\nZürich"
    assert [one["choices"][0]["delta"].get("content") for one in found[1:4]] == ["hello", "\nZüri", "ch"]
    assert found[-1]["usage"]["prompt_tokens"] == 5
    assert answer.pieces[-1] == b"data: [DONE]\n\n"
    assert not any("usage" in one for one in documents(body_of(mock_answer(request(stream=True)))))


def test_it_is_deterministic() -> None:
    """The same request has the same answer, id and all; another has another id."""
    assert mock_answer(request()) == mock_answer(request())
    assert body_of(mock_answer(request(), reply="x")) != body_of(mock_answer(request(user="u"), reply="x"))


@pytest.mark.parametrize("stream", [False, True])
def test_it_calls_tools(*, stream: bool) -> None:
    """As it is told to, with arguments as JSON in a text."""
    answer = body_of(mock_answer(request(stream=stream), reply="", tool_calls=[("f", {"a": "ü"}), ("g", {})]))
    if stream:
        calls = [
            call
            for one in documents(answer)
            for choice in one["choices"]
            for call in choice["delta"].get("tool_calls", ())
        ]
    else:
        calls = json.loads(answer)["choices"][0]["message"]["tool_calls"]

    assert [call["function"] for call in calls] == [
        {"name": "f", "arguments": '{"a": "ü"}'}, {"name": "g", "arguments": "{}"},
    ]  # fmt: skip
    assert b'"tool_calls"' in answer
    assert len({call["id"] for call in calls}) == 2


def test_it_fails_on_demand() -> None:
    """With a status, or in the middle."""
    refused = mock_answer(request(), status=503)
    stream = mock_answer(request(stream=True), reply="hello there", chunk_chars=3, die_after_chars=7)
    whole = mock_answer(request(), reply="hello there", die_after_chars=7)

    assert (refused.status, json.loads(body_of(refused))["error"]["type"]) == (503, "mock_error")
    assert (said(body_of(stream)), stream.dies) == ("hello t", True)
    assert b"[DONE]" not in body_of(stream)
    assert whole.dies
    with pytest.raises(json.JSONDecodeError):
        json.loads(body_of(whole))


def test_it_refuses_what_it_cannot_read() -> None:
    """As a provider does."""
    answer = mock_answer(b"{")

    assert (answer.status, json.loads(body_of(answer))["error"]["type"]) == (400, "invalid_request_error")


def test_an_error_and_its_event() -> None:
    """The same document, whole or as the last event; `[DONE]` follows where the end is ours."""
    body = error_body(error_type="t", code="c", message="m", request_id="r", event_id="e", policy="p")
    escalated = error_body(error_type="t", code="c", message="m", request_id="r", escalation_id="esc")

    assert json.loads(body)["error"] == {
        "type": "t", "message": "m", "policy": "p", "code": "c", "request_id": "r", "event_id": "e",
    }  # fmt: skip
    assert json.loads(escalated)["error"]["escalation_id"] == "esc"
    assert error_frame(body, complete=False) == b"data: " + body + b"\n\n"
    assert error_frame(body, complete=True) == b"data: " + body + b"\n\ndata: [DONE]\n\n"
