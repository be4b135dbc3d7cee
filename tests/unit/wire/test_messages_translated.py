"""Messages of a client, and the chat completions that they become and are answered by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire.dialects import MESSAGES
from keeptrusts.wire.messages import read_answer
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.messages_writer import MessagesWriter
from keeptrusts.wire.sse import SseDecoder, SseFrame
from support.flows import NAMED, chunk

assert MESSAGES.bridge is not None
BRIDGE = MESSAGES.bridge
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def chat(**fields: Any) -> dict[str, Any]:
    """The chat request that a Messages request becomes."""
    plain = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    out: dict[str, Any] = json.loads(BRIDGE.request(json.dumps(plain | fields).encode()))
    return out


CITED = {"type": "document", "source": {"type": "text", "data": "D"}, "citations": {"enabled": True}}
TURN = [
    {"type": "thinking", "thinking": "hm", "signature": "s"},
    {"type": "text", "text": "a moment"},
    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Bern"}},
]


def test_a_conversation() -> None:
    """Results of tools are messages of their own; earlier thinking stays behind."""
    function = {"name": "weather", "arguments": '{"city": "Bern"}'}
    out = chat(
        system=[{"type": "text", "text": "be kind"}, {"type": "text", "text": "be brief"}],
        messages=[
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": TURN},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "and?"},
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sunny"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "no city", "is_error": True},
                    {"type": "document", "title": "T", "source": {"type": "text", "data": "D"}},
                ],
            },
            {"role": "assistant", "content": "well"},
        ],
    )
    assert out["messages"] == [
        {"role": "system", "content": "be kind\n\nbe brief"},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": "a moment",
            "tool_calls": [{"id": "t1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "t2", "content": "Error: no city"},
        {"role": "user", "content": [{"type": "text", "text": "and?"}, {"type": "text", "text": "T\nD"}]},
        {"role": "assistant", "content": "well"},
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stop_sequences": ["x"], "temperature": 0.5, "top_p": 1}, {"stop": ["x"], "temperature": 0.5, "top_p": 1}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"thinking": {"type": "disabled"}, "service_tier": "auto", "cache_control": None}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 9000}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, {"reasoning_effort": "high"}),
        ({"output_config": {"effort": "max"}}, {"reasoning_effort": "max"}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
                }
            },
        ),
    ],
)
def test_settings(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """By the names that chat has for them."""
    plain = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}

    assert chat(**fields) == plain | expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, {"tool_choice": "auto"}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"tool_choice": "required", "parallel_tool_calls": False}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
    ],
)
def test_tools(choice: Any, expected: dict[str, Any]) -> None:
    """Definitions, and what the model is to do with them."""
    out = chat(tools=[{"name": "f", "description": "d", "input_schema": SCHEMA}], tool_choice=choice)

    assert out["tools"] == [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "description": "d"}}]
    assert {name: out[name] for name in expected} == expected
    assert ("parallel_tool_calls" in out) == ("parallel_tool_calls" in expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"top_k": 5},
        {"container": "c"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"name": "f", "input_schema": SCHEMA, "defer_loading": True}]},
        {"tools": [{"name": "f"}]},
        {"tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "sometimes"}},
        {"output_config": {"effort": "endless"}},
        {"messages": [{"role": "user", "content": [{"type": "search_result", "content": []}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use", "id": "s"}]}]},
        {"messages": [{"role": "user", "content": [CITED]}]},
        {"messages": [{"role": "user"}]},
        {"messages": 5},
    ],
)
def test_what_has_no_word_there_is_refused(fields: dict[str, Any]) -> None:
    """Not dropped: the caller would believe that it was heeded."""
    with pytest.raises(UnreadableError):
        chat(**fields)


def completion(message: Mapping[str, Any], finish: str = "stop", **fields: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "model": "gpt", "choices": [choice], **fields}).encode()


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "x"}'}}


def test_an_answer() -> None:
    """Reasoning, text and calls in that order, and the counts as Anthropic counts them."""
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
    message = {"content": "hi", "reasoning_content": "hm", "tool_calls": [CALL]}
    raw = BRIDGE.answer(completion(message, "tool_calls", usage=usage), NAMED)
    out = json.loads(raw)

    assert out["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": "x"}},
    ]
    assert (out["id"], out["model"], out["stop_reason"]) == ("msg_1", "gpt", "tool_use")
    assert out["usage"] == {"input_tokens": 5, "output_tokens": 5, "cache_read_input_tokens": 4}
    assert [text.value for text in read_answer(raw).texts] == ["hm", "hi", "a", "x"]


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        ({"content": "x"}, "length", "max_tokens"),
        ({"content": "x"}, "content_filter", "refusal"),
        ({"content": None, "refusal": "no"}, "stop", "refusal"),
        ({"content": ""}, "odd", "end_turn"),
    ],
)
def test_stop_reasons(message: dict[str, Any], finish: str, expected: str) -> None:
    """Why it stopped, in Anthropic's words."""
    assert json.loads(BRIDGE.answer(completion(message, finish), NAMED))["stop_reason"] == expected


@pytest.mark.parametrize(
    "raw",
    [
        b'{"choices": []}',
        b'{"error": {}}',
        b"[]",
        completion({"tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{"}}]}),
        completion({"tool_calls": [{**CALL, "function": {"name": "f", "arguments": "[]"}}]}),
    ],
)
def test_answers_that_no_message_can_say(raw: bytes) -> None:
    """Several choices, arguments that are no object, and what is no completion."""
    with pytest.raises(UnreadableError):
        BRIDGE.answer(raw, NAMED)


def events(*chunks: bytes) -> list[dict[str, Any]]:
    """The events of a stream, as the reader of Messages takes them."""
    writer, reader = MessagesWriter("m"), MessagesReader()
    frames = [*writer.translate(SseDecoder().feed(b"".join(chunks))), *writer.end()]
    for frame in frames:
        assert frame == next(SseDecoder().feed(frame.raw))
        reader(frame)
    return [json.loads(frame.data or "") for frame in frames]


def test_a_stream() -> None:
    """Blocks follow each other; calls whose deltas run through each other are whole, at the end."""
    out = events(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "he"}),
        chunk({"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "f", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 1, "id": "c1", "function": {"name": "g", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]}),
        chunk({"content": "llo"}),
        chunk({}, finish="tool_calls"),
        b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}\n\n',
        b"data: [DONE]\n\n",
    )

    assert [event["type"] for event in out] == [
        "message_start",
        "content_block_start", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert [event["content_block"] for event in out if event["type"] == "content_block_start"] == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "c0", "name": "f", "input": {}},
        {"type": "tool_use", "id": "c1", "name": "g", "input": {}},
    ]
    assert [event["delta"] for event in out if event["type"] == "content_block_delta"] == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "text_delta", "text": "he"},
        {"type": "text_delta", "text": "llo"},
        {"type": "input_json_delta", "partial_json": '{"a": 1}'},
        {"type": "input_json_delta", "partial_json": "{}"},
    ]
    assert out[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert out[-2]["usage"] == {"input_tokens": 3, "output_tokens": 5}


def test_a_stream_that_leaves_its_last_frame_out() -> None:
    """Is at its end when the choice was."""
    assert events(chunk({"refusal": "no"}), chunk({}, finish="stop"))[-2]["delta"]["stop_reason"] == "refusal"
    assert events(chunk({"content": "x"}))[-1]["type"] == "content_block_delta"


@pytest.mark.parametrize(
    "data",
    [
        '{"choices": [{"index": 1, "delta": {"content": "x"}}]}',
        '{"choices": [{"delta": {"tool_calls": [{}]}}]}',
        '{"choices": 5}',
        "[]",
    ],
)
def test_chunks_that_no_message_can_say(data: str) -> None:
    """Refused with the one declared error."""
    with pytest.raises(UnreadableError):
        list(MessagesWriter("m").translate([SseFrame(b"", data)]))


def test_the_provider_fails() -> None:
    """It says so itself: it is lost, whatever is written of its stream."""
    with pytest.raises(UpstreamLostError):
        list(MessagesWriter("m").translate([SseFrame(b"", '{"error": {"message": "x"}}')]))
