"""Events of a streamed message: what they add to which text, and which streams are none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.core.exchange import Part
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.readings import Channel, Chunk, Usage
from keeptrusts.wire.sse import SseFrame, encode_frame

SEALED = "ErUBCkYIBxgCIkD+/aB3=="
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1},
    },
}  # fmt: skip
END: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 5},
}
STOP = {"type": "message_stop"}


def block(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def read(*events: Mapping[str, Any], name: str | None = None) -> list[Chunk]:
    """The chunks of these events; `name` in place of the last one's own."""
    reader = MessagesReader()
    chunks = []
    for number, event in enumerate(events, start=1):
        data = json.dumps(event)
        rest = f"event: {name if name is not None and number == len(events) else event.get('type')}"
        chunks.append(reader(SseFrame(encode_frame(data, rest), data, rest)))
    return chunks


def said(*events: Mapping[str, Any]) -> dict[Channel, str]:
    """What a client puts together."""
    channels: dict[Channel, str] = {}
    for chunk in read(START, *events):
        for piece in chunk.pieces:
            channels[piece.channel] = channels.get(piece.channel, "") + piece.text
    return channels


def test_a_message() -> None:
    """Thinking, text and a call, each on a channel of its own block; signatures are no text."""
    events = [
        block(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature=SEALED),
        stop(0),
        block(1, "text", text=""),
        {"type": "ping"},
        delta(1, "text_delta", text="he"),
        delta(1, "text_delta", text="llo"),
        stop(1),
        block(2, "tool_use", id="toolu_1", name="weather", input={}),
        delta(2, "input_json_delta", partial_json=""),
        delta(2, "input_json_delta", partial_json='{"city": "Bern"}'),
        stop(2),
        END,
    ]

    assert said(*events) == {
        (0, Part.REASONING, (0, "thinking")): "hm",
        (0, Part.CONTENT, (1, "text")): "hello",
        (0, Part.TOOL_CALL, (2, "name")): "weather",
        (0, Part.TOOL_CALL, (2, "arguments")): '{"city": "Bern"}',
    }
    chunks = read(START, *events, STOP)
    assert chunks[0].usage == Usage(5, 1, 2)
    assert chunks[-2].usage == Usage(5, 5, 2)
    assert chunks[-2].choices == ((0, True),)
    assert chunks[-1].done
    assert [chunk.call_ids for chunk in chunks if chunk.call_ids] == [(((0, 2), "toolu_1"),)]
    assert (0, Part.CONTENT, (1, "text")) in chunks[9].closes


def test_what_is_whole_in_one_event() -> None:
    """Citations, results of the provider's own tools and fields that nobody knows: texts, but no deltas."""
    chunks = read(
        START,
        block(0, "text", text="", new="a"),
        delta(0, "citations_delta", citation={"type": "char_location", "cited_text": "b", "encrypted_index": SEALED}),
        {**stop(0), "new": "c"},
        block(1, "web_search_tool_result", tool_use_id="s", content=[{"title": "d", "encrypted_content": SEALED}]),
        stop(1),
        {**END, "delta": {"stop_reason": "stop_sequence", "stop_sequence": "e"}},
    )
    pieces = [piece for chunk in chunks for piece in chunk.pieces]

    assert all(piece.whole for piece in pieces)
    assert [piece.text for piece in pieces] == [
        "new", "a", "char_location", "b", "new", "c", "title", "d", "e",
    ]  # fmt: skip


def test_comments_pass() -> None:
    """A heartbeat has no data."""
    frame = SseFrame(b": hi\n\n", None, ": hi")
    assert MessagesReader()(frame) == Chunk(frame, None)


TEXT = block(0, "text", text="")


@pytest.mark.parametrize(
    "events",
    [
        [TEXT],
        [START, START],
        [{**START, "message": {**START["message"], "content": [{"type": "text", "text": "x"}]}}],
        [{"type": "message_start", "message": None}],
        [START, block(1, "text", text="")],
        [START, block(True, "text", text="")],
        [START, TEXT, block(1, "text", text="")],
        [START, {"type": "content_block_start", "index": 0, "content_block": None}],
        [START, block(0, "image", source={})],
        [START, block(0, "tool_use", id="t", input={})],
        [START, block(0, "tool_use", id="t", name="f", input={"a": 1})],
        [START, delta(0, "text_delta", text="x")],
        [START, TEXT, delta(1, "text_delta", text="x")],
        [START, TEXT, delta(False, "text_delta", text="x")],
        [START, TEXT, delta(0, "text_delta", text=5)],
        [START, TEXT, delta(0, "text_delta")],
        [START, TEXT, delta(0, "thinking_delta", thinking="x")],
        [START, TEXT, delta(0, "odd_delta", odd="x")],
        [START, TEXT, {"type": "content_block_delta", "index": 0, "delta": "x"}],
        [START, TEXT, stop(0), stop(0)],
        [START, TEXT, stop(0), delta(0, "text_delta", text="x")],
        [START, TEXT, END],
        [START, {**END, "delta": None}],
        [START, TEXT, STOP],
        [START, {**STOP, "new": "x"}],
        [START, {"type": "odd"}],
        [START, {"type": 5}],
        [START, {}],
    ],
)
def test_streams_that_are_none(events: list[dict[str, Any]]) -> None:
    """Out of turn, of no block that is open, or not known."""
    with pytest.raises(UnreadableError):
        read(*events)


@pytest.mark.parametrize("events", [[], [START], [START, TEXT]])
def test_the_provider_fails(events: list[dict[str, Any]]) -> None:
    """It says so itself, in the middle or instead of an answer: it is lost, and not garbled."""
    with pytest.raises(UpstreamLostError, match="says that it failed"):
        read(*events, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_an_event_has_one_name() -> None:
    """Some clients go by the name of an event, others by its type."""
    with pytest.raises(UnreadableError):
        read(START, TEXT, delta(0, "text_delta", text="x"), name="ping")
    with pytest.raises(UnreadableError):
        MessagesReader()(SseFrame(b"event: ping\n\n", None, "event: ping"))
