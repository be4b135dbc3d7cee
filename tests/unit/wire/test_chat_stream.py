"""Chunks read: what each adds to which text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.core.exchange import Part
from keeptrusts.wire.chat_stream import calls_in, is_key, read_chunk
from keeptrusts.wire.readings import Channel, Chunk, Usage
from keeptrusts.wire.sse import SseFrame


def read(document: Any) -> Chunk:
    return read_chunk(SseFrame(b"", json.dumps(document)))


def of_delta(delta: Any, **choice: Any) -> Chunk:
    return read({"choices": [{"index": 0, "delta": delta, **choice}]})


def pieces(chunk: Chunk) -> dict[Channel, str]:
    return {piece.channel: piece.text for piece in chunk.pieces}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("content", Part.CONTENT),
        ("refusal", Part.REFUSAL),
        ("reasoning", Part.REASONING),
        ("reasoning_content", Part.REASONING),
    ],
)
def test_each_way_of_saying_is_a_text_of_its_own(name: str, part: Part) -> None:
    """By choice and by name."""
    chunk = read({"choices": [{"index": 3, "delta": {"role": "assistant", name: "hi"}}]})

    assert pieces(chunk) == {(3, part, (name,)): "hi"}
    assert chunk.pieces[0].place == ("choices", 0, "delta", name)


def test_a_call_is_known_by_its_own_index() -> None:
    """Its place in the list of a chunk means nothing; its id is told once."""
    call = {"index": 2, "id": "call_x", "type": "function", "function": {"name": "f", "arguments": "{"}}
    chunk = of_delta({"tool_calls": [call]})

    assert pieces(chunk) == {(0, Part.TOOL_CALL, (2, "name")): "f", (0, Part.TOOL_CALL, (2, "arguments")): "{"}
    assert chunk.call_ids == (((0, 2), "call_x"),)


def test_calls_are_put_together() -> None:
    """From the texts of their names and arguments, in the order of choices and indices."""
    first = of_delta({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]})
    old = of_delta({"function_call": {"name": "g", "arguments": ""}})

    assert set(calls_in({**pieces(first), **pieces(old)})) == {(0, 0, "f", "{}"), (0, -1, "g", "")}


def test_known_fields_are_no_content() -> None:
    """What every chunk repeats."""
    chunk = read({
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "fp_1",
        "service_tier": None, "obfuscation": "aB3", "usage": None,
        "choices": [{"index": 0, "delta": {"role": "assistant"}, "logprobs": None, "finish_reason": "stop"}],
    })  # fmt: skip

    assert chunk.pieces == ()
    assert chunk.usage is None


def test_what_nobody_knows_is_text() -> None:
    """Law 3: new fields anywhere, known ones of another shape, and notes inside `usage`."""
    chunk = read({
        "id": "no token", "provider": "P", "usage": {"prompt_tokens": 3, "note": "n"},
        "choices": [{"index": 0, "delta": {"content": ["x"], "new": {"a": "b"}}, "finish_reason": "because"}],
    })  # fmt: skip
    values = {piece.text for piece in chunk.pieces if not is_key(piece.place)}

    assert values == {"no token", "P", "n", "x", "b", "because"}
    assert {piece.text for piece in chunk.pieces if is_key(piece.place)} == {"provider", "note", "content", "new", "a"}
    assert {piece.channel[1] for piece in chunk.pieces} == {Part.OTHER}


def test_usage_and_token_tables() -> None:
    """Usage comes behind the text, with no choices; tables are named, so that they can be dropped."""
    assert read({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}).usage == Usage(3, 5)
    assert read({"usage": {"prompt_tokens": 3}}).usage == Usage(3, None)
    assert of_delta({}, logprobs={"content": []}).logprobs == (("choices", 0, "logprobs"),)


def test_comments_and_the_end() -> None:
    """Neither says anything."""
    assert read_chunk(SseFrame(b": x\n\n", None, ": x")).pieces == ()
    assert read_chunk(SseFrame(b"", "[DONE]")).done


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{"delta": [1]}]},
        {"choices": [{"delta": {"role": ["assistant"]}}]},
        {"choices": [{"delta": {"tool_calls": {"a": 1}}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": -1, "function": {}}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": True, "function": {}}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": [1]}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"name": 5}}]}}]},
        {"choices": [{"delta": {"function_call": "f"}}]},
        {"choices": [{"delta": {"audio": {"data": "AA=="}}}]},
        {"choices": [{"index": 1.5, "delta": {}}]},
    ],
)
def test_what_is_no_chunk_is_unreadable(document: Any) -> None:
    """Another shape, sound: nothing that could be passed on."""
    with pytest.raises(UnreadableError):
        read(document)


def test_the_provider_fails() -> None:
    """It says so itself: it is lost, and its words are not repeated."""
    with pytest.raises(UpstreamLostError) as failed:
        read({"error": {"message": "the key is sk-1"}})

    assert "sk-1" not in str(failed.value)


def test_an_event_without_data_is_unreadable() -> None:
    """Clients may read it; nobody here does."""
    with pytest.raises(UnreadableError):
        read_chunk(SseFrame(b"event: x\n\n", None, "event: x"))
