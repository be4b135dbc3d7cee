"""OpenAI's Responses as clients speak them: what is read as text, what is refused, and what is said again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.core.exchange import Part, Role
from keeptrusts.wire.readings import Chunk, ModelRequest, Usage
from keeptrusts.wire.responses import read_answer, read_request
from keeptrusts.wire.responses_stream import ResponsesReader
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame

SEALED = "gAAAAABo+/x=="


def request(given: Any = "hello", **fields: Any) -> ModelRequest:
    return read_request(json.dumps({"model": "gpt", "input": given} | fields).encode())


def texts(read: ModelRequest) -> list[tuple[str, Role, Part]]:
    return [(text.value, text.role, text.part) for text in read.texts]


def test_a_conversation() -> None:
    """Instructions, messages, calls, results and reasoning: each with who said it and in what."""
    read = request(
        [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
             "encrypted_content": SEALED},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Bern"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "print(1)"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "final_answer",
             "content": [{"type": "output_text", "text": "well", "annotations": []}]},
        ],
        instructions="be kind", user="u-1", max_output_tokens=9, stream=True, include=["reasoning.encrypted_content"],
    )  # fmt: skip

    assert texts(read) == [
        ("be kind", Role.SYSTEM, Part.CONTENT),
        ("be brief", Role.SYSTEM, Part.CONTENT),
        ("weather?", Role.USER, Part.CONTENT),
        ("hm", Role.ASSISTANT, Part.REASONING),
        ("city", Role.ASSISTANT, Part.TOOL_CALL),
        ("Bern", Role.ASSISTANT, Part.TOOL_CALL),
        ("sunny", Role.TOOL, Part.TOOL_RESULT),
        ("print(1)", Role.ASSISTANT, Part.TOOL_CALL),
        ("well", Role.ASSISTANT, Part.CONTENT),
        ("u-1", Role.USER, Part.NAME),
    ]
    assert [(call.name, call.arguments, call.id) for call in read.tool_calls] == [
        ("weather", {"city": "Bern"}, "c1"), ("run", None, "c2"),
    ]  # fmt: skip
    assert (read.max_tokens, read.max_tokens_key, read.stream, read.user, read.message_count) == (
        9, "max_output_tokens", True, "u-1", 7,
    )  # fmt: skip


def test_tools_and_fields() -> None:
    """Names of tools are known; words of schemas and of settings are no text, what nobody knows is."""
    read = request(
        tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}}, {"type": "web_search"}],
        reasoning={"effort": "low"}, text={"format": {"type": "text"}, "verbosity": "low"}, store=False, future="x",
    )  # fmt: skip

    assert read.tools == ("f", "web_search")
    assert [value for value, _, part in texts(read) if part is Part.OTHER] == ["future", "x"]


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"background": True},
        {"input": []},
        {"input": ""},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"role": "user", "content": ["x"]}]},
        {"input": [{"role": "wizard", "content": "x"}]},
        {"input": ["x"]},
        {"input": [{"role": "user", "Content": "x"}]},
        {"tools": [{"type": "mcp", "server_url": "https://example.com"}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        {"tools": [{"type": "function"}]},
        {"tools": {}},
        {"max_output_tokens": -1},
        {"model": ""},
    ],
)
def test_what_no_policy_sees_is_refused(fields: dict[str, Any]) -> None:
    """Stored state, files, pictures, and tools that run where nobody looks."""
    with pytest.raises(UnreadableError):
        request(**fields) if "input" not in fields else request(fields["input"])


ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
        {"type": "output_text", "text": "hi", "annotations": [], "logprobs": [{"token": "hi"}]},
        {"type": "refusal", "refusal": "no"},
    ]},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": "x"}'},
]  # fmt: skip
RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt", "output": ITEMS,
    "instructions": "be kind", "tools": [{"type": "function", "name": "f"}], "error": None,
    "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 5, "total_tokens": 8},
}  # fmt: skip


def test_an_answer() -> None:
    """Its texts and calls, without what it repeats of its request."""
    read = read_answer(json.dumps(RESPONSE | {"future": "y"}).encode())

    assert [text.value for text in read.texts] == ["hm", "hi", "no", "a", "x", "future", "y"]
    assert read.logprobs == (("output", 1, "content", 0, "logprobs"),)
    assert read.usage == Usage(3, 5, 2)
    with pytest.raises(UnreadableError):
        read_answer(json.dumps(RESPONSE | {"object": "list"}).encode())
    with pytest.raises(UnreadableError):
        read_answer(json.dumps(RESPONSE | {"output": [{"type": "image_generation_call", "result": "x"}]}).encode())


def chunk(event: Mapping[str, Any], name: str | None = None) -> Chunk:
    data = json.dumps(event)
    rest = f"event: {name or event.get('type')}"
    return ResponsesReader()(SseFrame(encode_frame(data, rest), data, rest))


@pytest.mark.parametrize(
    ("event", "channels"),
    [
        ({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "hi"},
         [((1, "content", 0, "text"), False)]),
        ({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "hi"},
         [((1, "content", 0, "text"), True)]),
        ({"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": ITEMS[1]["content"][0]},
         [((1, "content", 0, "text"), True)]),
        ({"type": "response.output_item.done", "output_index": 1, "item": ITEMS[1]},
         [((1, "content", 0, "text"), True), ((1, "content", 1, "refusal"), True)]),
        ({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{"},
         [((2, "arguments"), False)]),
        ({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{}", "name": "f"},
         [((2, "arguments"), True)]),
        ({"type": "response.output_item.added", "output_index": 2, "item": {**ITEMS[2], "arguments": ""}},
         [((2, "name"), True)]),
        ({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm"},
         [((0, "content", 0, "text"), False)]),
        ({"type": "response.completed", "response": RESPONSE},
         [((0, "content", 0, "text"), True), ((1, "content", 0, "text"), True), ((1, "content", 1, "refusal"), True),
          ((2, "name"), True), ((2, "arguments"), True)]),
        ({"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}, []),
    ],
)  # fmt: skip
def test_events(event: dict[str, Any], channels: list[tuple[Any, bool]]) -> None:
    """A text has one channel, wherever it is said, and is known to be whole where it is."""
    read = chunk(event)

    assert [(piece.channel[2], piece.final) for piece in read.pieces] == channels
    assert read.done == (event["type"] == "response.completed")


def test_other_events() -> None:
    """Fields that nobody knows, what is quoted, the table of tokens, and the end."""
    read = chunk({
        "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x", "new": "y",
        "logprobs": [{"token": "x"}],
    })  # fmt: skip
    assert [piece.text for piece in read.pieces] == ["x", "new", "y"]
    assert (read.logprobs, read.blank) == ((("logprobs",),), ())
    quoted = {"type": "url_citation", "title": "t", "url": "https://example.com"}
    read = chunk({"type": "response.output_text.annotation.added", "output_index": 0, "annotation": quoted})
    assert [piece.text for piece in read.pieces] == ["url_citation", "t", "https://example.com"]
    assert ResponsesReader()(SseFrame(b"data: [DONE]\n\n", DONE)).done
    assert not ResponsesReader()(SseFrame(b": hi\n\n", None, ": hi")).pieces


def test_a_reference_is_named() -> None:
    """And what to do about it, since some clients send one unless they are told otherwise."""
    with pytest.raises(UnreadableError, match="`item_reference`.*`store: false`"):
        read_request(json.dumps({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]}).encode())


@pytest.mark.parametrize(
    "event", [{"type": "response.failed", "response": RESPONSE}, {"type": "error", "message": "x"}]
)
def test_the_provider_fails(event: dict[str, Any]) -> None:
    """It says so itself, in one of two ways."""
    with pytest.raises(UpstreamLostError):
        chunk(event)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.image_generation_call.partial_image"},
        {"type": "response.output_text.delta", "output_index": True, "content_index": 0, "delta": "x"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "mcp_call"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "name": 5}},
        {"type": "response.completed"},
        {"type": 5},
    ],
)
def test_events_that_are_none(event: dict[str, Any]) -> None:
    """What no policy reads, and what has another form."""
    with pytest.raises(UnreadableError):
        chunk(event)
    with pytest.raises(UnreadableError):
        chunk({"type": "response.in_progress", "response": RESPONSE}, "response.completed")
