"""Requests for responses, and the chat completions that they become and are answered by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.dialects import RESPONSES
from keeptrusts.wire.responses import read_answer
from keeptrusts.wire.responses_stream import ResponsesReader
from keeptrusts.wire.responses_writer import ResponsesWriter
from keeptrusts.wire.sse import SseDecoder
from support.flows import NAMED, answer, chunk

assert RESPONSES.bridge is not None
BRIDGE = RESPONSES.bridge
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "x"}'}}


def chat(given: Any = "hello", **fields: Any) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(BRIDGE.request(json.dumps({"model": "m", "input": given} | fields).encode()))
    return out


def test_a_conversation() -> None:
    """Calls in a row are one turn; earlier reasoning stays behind."""
    function = {"name": "f", "arguments": "{}"}
    out = chat(
        [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c1", **function},
            {"type": "function_call", "call_id": "c2", **function},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "function_call", "call_id": "c3", **function},
        ],
        instructions="be kind",
    )
    calls = [{"id": f"c{number}", "type": "function", "function": function} for number in (1, 2, 3)]

    assert out["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "ab"},
        {"role": "assistant", "content": None, "tool_calls": calls[:2]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": calls[2:]},
    ]


SCHEMA = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"max_output_tokens": 7, "temperature": 0.5, "user": "u"}, {"max_tokens": 7, "temperature": 0.5, "user": "u"}),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": {"verbosity": "medium"}, "include": ["reasoning.encrypted_content"]}, {}),
        ({"store": True, "include": [], "metadata": {"a": "b"}, "truncation": "disabled"}, {}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        ({"text": {"format": {"type": "text"}}}, {}),
        (
            {"text": {"format": SCHEMA}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {k: v for k, v in SCHEMA.items() if k != "type"},
                }
            },
        ),
        (
            {"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "function", "name": "f"}},
            {
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
            },
        ),
        (
            {"tools": [{"type": "function", "name": "f"}], "tool_choice": "required"},
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
        ),
    ],
)
def test_settings(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """By the names that chat has for them."""
    assert chat(**fields) == {"model": "m", "messages": [{"role": "user", "content": "hello"}]} | expected


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tool_calls": 2},
        {"include": ["message.output_text.logprobs"]},
        {"top_logprobs": 3},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "web_search"}},
        {"text": {"format": {"type": "odd"}}},
        {"input": [{"type": "custom_tool_call", "name": "f", "input": "x"}]},
        {"input": [{"role": "user"}]},
        {"input": 5},
    ],
)
def test_what_has_no_word_there_is_refused(fields: dict[str, Any]) -> None:
    """Not dropped: the caller would believe that it was heeded."""
    with pytest.raises(UnreadableError):
        chat(**fields)


def test_an_answer() -> None:
    """Reasoning, text and calls are items in that order."""
    completion = json.loads(answer("hi"))
    completion["choices"][0]["message"] |= {"reasoning_content": "hm", "tool_calls": [CALL]}
    raw = BRIDGE.answer(json.dumps(completion).encode(), NAMED)
    out = json.loads(raw)

    assert [item["type"] for item in out["output"]] == ["reasoning", "message", "function_call"]
    assert (out["status"], out["usage"]["input_tokens"], out["usage"]["output_tokens"]) == ("completed", 3, 5)
    assert [text.value for text in read_answer(raw).texts] == ["hm", "hi", "a", "x"]
    completion["choices"][0]["finish_reason"] = "length"
    assert json.loads(BRIDGE.answer(json.dumps(completion).encode(), NAMED))["incomplete_details"] == {
        "reason": "max_output_tokens"
    }
    with pytest.raises(UnreadableError):
        BRIDGE.answer(b'{"choices": []}', NAMED)


def test_a_stream() -> None:
    """Each item begins, is said, and is whole; the last event holds them all, and the reader takes every event."""
    writer, reader = ResponsesWriter("m"), ResponsesReader()
    chunks = [
        chunk({"reasoning_content": "hm"}), chunk({"content": "he"}), chunk({"content": "llo"}),
        chunk({"tool_calls": [{"index": 0, **CALL}]}), chunk({"refusal": "no"}), chunk({}, finish="tool_calls"),
    ]  # fmt: skip
    frames = [*writer.translate(SseDecoder().feed(b"".join(chunks))), *writer.end(), *writer.end()]
    for frame in frames:
        reader(frame)
    events = [json.loads(frame.data or "") for frame in frames]

    assert [one["sequence_number"] for one in events] == list(range(len(events)))
    assert [one["type"].removeprefix("response.") for one in events][:7] == [
        "created", "in_progress", "output_item.added", "content_part.added", "reasoning_text.delta",
        "reasoning_text.done", "content_part.done",
    ]  # fmt: skip
    last = events[-1]
    assert last["type"] == "response.completed"
    assert [item["type"] for item in last["response"]["output"]] == ["reasoning", "message", "message", "function_call"]
    assert not list(ResponsesWriter("m").end())
