"""Anthropic's Messages as clients speak it: what is read as text, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Role
from keeptrusts.wire.messages import read_answer, read_count, read_request
from keeptrusts.wire.readings import ModelRequest, Usage
from keeptrusts.wire.strict_json import splice

SEALED = "ErUBCkYIBxgCIkD+/aB3=="


def request(*blocks: Any, **fields: Any) -> ModelRequest:
    """A request whose user says these blocks."""
    messages = [{"role": "user", "content": list(blocks) or "hello"}]
    return read_request(json.dumps({"model": "claude", "max_tokens": 9, "messages": messages} | fields).encode())


def texts(read: ModelRequest) -> list[tuple[str, Role, Part]]:
    return [(text.value, text.role, text.part) for text in read.texts]


def test_a_conversation() -> None:
    """System, turns, calls with their arguments, results of tools: each with who said it and in what."""
    read = read_request(json.dumps({
        "model": "claude", "max_tokens": 9, "stream": True, "metadata": {"user_id": "u-1"},
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": SEALED},
                {"type": "redacted_thinking", "data": SEALED},
                {"type": "text", "text": "a moment"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "rain", "is_error": False},
                {"type": "text", "text": "and?"},
            ]},
        ],
    }).encode())  # fmt: skip

    assert texts(read) == [
        ("be kind", Role.SYSTEM, Part.CONTENT),
        ("weather?", Role.USER, Part.CONTENT),
        ("hm", Role.ASSISTANT, Part.REASONING),
        ("a moment", Role.ASSISTANT, Part.CONTENT),
        ("city", Role.ASSISTANT, Part.TOOL_CALL),
        ("Bern", Role.ASSISTANT, Part.TOOL_CALL),
        ("sunny", Role.TOOL, Part.TOOL_RESULT),
        ("rain", Role.TOOL, Part.TOOL_RESULT),
        ("and?", Role.USER, Part.CONTENT),
        ("u-1", Role.USER, Part.NAME),
    ]
    (call,) = read.tool_calls
    assert (call.name, call.arguments, call.id) == ("weather", {"city": "Bern"}, "toolu_1")
    assert (read.model, read.stream, read.max_tokens, read.user) == ("claude", True, 9, "u-1")
    assert read.message_count == 3


def test_tools() -> None:
    """Their names are known; what describes them is text, the words of a schema are not."""
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "of Ada"}}}
    read = request(tools=[{"name": "weather", "description": "tells it", "input_schema": schema}])

    assert read.tools == ("weather",)
    assert [value for value, _, part in texts(read) if part is Part.TOOL_DEFINITION] == [
        "weather", "tells it", "city", "of Ada",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stop_sequences": ["halt"]}, ["halt"]),
        ({"future": {"field": "x"}}, ["future", "field", "x"]),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "low"}}, []),
        ({"thinking": {"type": "enabled", "hint": "x"}}, ["hint", "x"]),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"title": "x"}}}}, ["json_schema", "x"]),
        ({"service_tier": "auto", "top_k": 5, "cache_control": {"type": "ephemeral", "ttl": "5m"}}, []),
        ({"cache_control": {"type": "ephemeral", "note": "x"}}, ["type", "ephemeral", "note", "x"]),
    ],
)
def test_fields(fields: dict[str, Any], expected: list[str]) -> None:
    """What is not known to be metadata is text."""
    assert [text.value for text in request(**fields).texts] == ["hello", *expected]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "text", "text": "a", "new": "b"}, ["a", "new", "b"]),
        ({"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
         ["d", "t"]),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "d"}]}}, ["d"]),
        ({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "c"}]},
         ["c", "s", "t"]),
        ({"type": "text", "text": "a", "citations": [{"type": "char_location", "cited_text": "c"}]},
         ["a", "char_location", "c"]),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u", "encrypted_content": SEALED}]},
         ["url", "u"]),
    ],
)  # fmt: skip
def test_blocks(block: dict[str, Any], expected: list[str]) -> None:
    """Every string of a block, but for what only its provider can read."""
    assert [text.value for text in request(block).texts] == expected


@pytest.mark.parametrize(
    "block",
    [
        {"type": "container_upload", "file_id": "f"},
        {"type": "hologram", "text": "x"},
        {"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": {"type": "document"}}},
        {"type": "tool_use", "id": "t", "input": {}},
        {"type": "text", "Text": "x"},
        {"text": "x"},
        "x",
    ],
)
def test_blocks_that_no_policy_reads(block: Any) -> None:
    """Unreadable is not allowed."""
    with pytest.raises(UnreadableError):
        request(block)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": ["x"]},
        {"model": None},
        {"Messages": []},
        {"stream": "yes"},
        {"max_tokens": -1},
        {"tools": [{"type": "web_search_20250305"}]},
        {"tools": {}},
        {"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "x"}]},
        {"metadata": "u"},
    ],
)
def test_requests_that_are_none(fields: dict[str, Any]) -> None:
    """Refused with the one declared error."""
    with pytest.raises(UnreadableError):
        request(**fields)


ANSWER: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
    "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": SEALED}, {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": ["x"]}},
    ],
    "usage": {
        "input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 2, "service_tier": "standard", "note": "n",
    },
}  # fmt: skip


def test_an_answer() -> None:
    """Its texts and calls; what was read from a cache was asked, too; what `usage` says in words is text."""
    read = read_answer(json.dumps(ANSWER).encode())

    assert [text.value for text in read.texts] == ["hm", "hi", "a", "x", "note", "n"]
    assert [(call.name, call.arguments) for call in read.tool_calls] == [("f", {"a": ["x"]})]
    assert read.usage == Usage(5, 5, 2)


def test_texts_can_be_put_back() -> None:
    """Each at its own place."""
    raw = json.dumps(ANSWER).encode()
    changed = read_answer(splice(raw, {text.place: f"{text.value}!" for text in read_answer(raw).texts}))

    assert [text.value for text in changed.texts] == ["hm!", "hi!", "a!", "x!", "note!", "n!"]


@pytest.mark.parametrize("fields", [{"type": "error"}, {"content": "x"}, {"content": [{"type": "image"}]}])
def test_answers_that_are_none(fields: dict[str, Any]) -> None:
    """Not a message, or with a block that no policy reads."""
    with pytest.raises(UnreadableError):
        read_answer(json.dumps(ANSWER | fields).encode())


def test_a_count() -> None:
    """The answer of `count_tokens` holds a number, and what else it says is text."""
    assert [text.value for text in read_count(b'{"input_tokens": 14, "note": "x"}').texts] == ["note", "x"]
    with pytest.raises(UnreadableError):
        read_count(b'{"tokens": 14}')
