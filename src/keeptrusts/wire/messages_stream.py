"""
Events of a streamed message, as pieces of the texts they add to.

Source: the API reference of Anthropic, "Streaming messages". Blocks come one after another, each with a start, deltas
and a stop; anything else is refused, since clients would put it together differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.messages import (
    CALLS,
    is_caller,
    read_block,
    read_citations,
    read_fields,
    read_usage,
    usage_of,
)
from keeptrusts.wire.readings import Channel, Chunk, Piece, Usage
from keeptrusts.wire.sse import SseFrame, check_name
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import Shape, TextCollector, is_number, is_opaque, is_token, one_of

_PARTS: Final = {"text": Part.CONTENT, "thinking": Part.REASONING}
_DELTAS: Final = {
    "text_delta": ("text", frozenset({"text"})),
    "thinking_delta": ("thinking", frozenset({"thinking"})),
    "input_json_delta": ("partial_json", CALLS),
    "signature_delta": ("signature", frozenset({"thinking", "redacted_thinking"})),
    "citations_delta": ("citation", frozenset({"text"})),
}
"""Kinds of delta: the member that holds what is added, and the blocks they belong to."""


class MessagesReader:
    """Reads the events of one stream, in order. Raises `UnreadableError`, `UpstreamLostError`."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._is_open = False
        self._begun = False
        self._usage: dict[str, Any] = {}

    def __call__(self, frame: SseFrame) -> Chunk:
        if frame.data is None:
            if any(not line.startswith(":") for line in frame.rest.split("\n") if line):
                raise UnreadableError("an event without data")
            return Chunk(frame, None)
        raw = frame.data.encode()
        event = parse_object(raw)
        kind = event.get("type")
        check_name(frame.rest, kind)
        read = _EVENTS.get(kind) if isinstance(kind, str) else None
        if read is None or not (self._begun or kind in {"message_start", "ping"}):
            refuse_failure(event)
            raise UnreadableError("the provider sent an event that is not known")
        return read(self, frame, raw, event)

    def started(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        message = event.get("message")
        if self._begun or not isinstance(message, dict) or message.get("content"):
            raise UnreadableError("a message begins anew, or with content")
        self._begun = True
        collector = _beside(event, "message")
        read_fields(collector, message, ("message",))
        usage = self._counted(collector, message.get("usage"), ("message", "usage"))
        return Chunk(frame, raw, _whole(collector), usage=usage)

    def block_started(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        index, block = event.get("index"), event.get("content_block")
        if self._is_open or type(index) is not int or index != len(self._blocks) or not isinstance(block, dict):
            raise UnreadableError("a block of content begins out of its turn")
        kind = str(block.get("type"))
        self._blocks.append(kind)
        self._is_open = True
        beside = _whole(_beside(event, "content_block"))
        place: Place = ("content_block",)
        if kind in CALLS:
            return self._call_started(frame, raw, block, beside)
        collector = TextCollector(Role.ASSISTANT)
        read_block(collector, block, place, Part.CONTENT)
        pieces = [
            Piece((0, text.part, (index, *text.place[1:])), text.place, text.value, whole=text.place[1:] != (kind,))
            for text in collector.texts
        ]
        return Chunk(frame, raw, (*beside, *pieces))

    def _call_started(self, frame: SseFrame, raw: bytes, block: Mapping[str, Any], beside: tuple[Piece, ...]) -> Chunk:
        index, name, identifier = len(self._blocks) - 1, block.get("name"), block.get("id")
        if not isinstance(name, str) or block.get("input"):
            raise UnreadableError("a tool call begins without its name, or with its arguments")
        collector = TextCollector(Role.ASSISTANT)
        known = {"type": one_of(*CALLS), "id": is_token, "caller": is_caller}
        others = {key: value for key, value in block.items() if key not in {"name", "input"}}
        collector.members(others, ("content_block",), known)
        said = Piece((0, Part.TOOL_CALL, (index, "name")), ("content_block", "name"), name)
        ids = (((0, index), identifier),) if isinstance(identifier, str) and identifier else ()
        return Chunk(frame, raw, (*beside, *_whole(collector), *([said] if name else [])), ids)

    def block_delta(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        index, block, delta = self._opened(event), self._blocks[-1], event.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(kind, str) or kind not in _DELTAS:
            raise UnreadableError("the answer holds a delta that is not known")
        name, blocks = _DELTAS[kind]
        if block not in blocks:
            raise UnreadableError("a delta does not belong to its block")
        collector = _beside(event, "index", "delta")
        known: dict[str, Shape] = {"type": one_of(*_DELTAS), "signature": is_opaque}
        if name == "citation":
            read_citations(collector, delta.get(name), ("delta", name))
        others = {key: value for key, value in delta.items() if key != name or key == "signature"}
        collector.members(others, ("delta",), known)
        return Chunk(frame, raw, (*self._added(index, name, delta.get(name)), *_whole(collector)))

    @staticmethod
    def _added(index: int, name: str, value: Any) -> tuple[Piece, ...]:
        if name in {"signature", "citation"}:
            return ()
        if not isinstance(value, str):
            raise UnreadableError("a delta is not text")
        if name in _PARTS:
            channel: Channel = (0, _PARTS[name], (index, name))
        else:
            channel = (0, Part.TOOL_CALL, (index, "arguments"))
        return (Piece(channel, ("delta", name), value),) if value else ()

    def block_stopped(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        index = self._opened(event)
        self._is_open = False
        closes: tuple[Channel, ...] = tuple((0, part, (index, name)) for name, part in _PARTS.items())
        return Chunk(frame, raw, _whole(_beside(event, "index")), closes=closes)

    def ended(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        delta = event.get("delta")
        if self._is_open or not isinstance(delta, dict):
            raise UnreadableError("a message ends in the middle of a block")
        collector = _beside(event, "delta", "usage")
        read_fields(collector, delta, ("delta",))
        usage = self._counted(collector, event.get("usage"), ("usage",))
        return Chunk(frame, raw, _whole(collector), usage=usage, choices=((0, bool(delta.get("stop_reason"))),))

    def stopped(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        del raw
        if self._is_open or event.keys() != {"type"}:
            raise UnreadableError("a message ends in the middle of a block, or says more behind its end")
        return Chunk(frame, None, done=True)

    def pinged(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any]) -> Chunk:
        return Chunk(frame, raw, _whole(_beside(event)))

    def _opened(self, event: Mapping[str, Any]) -> int:
        index = event.get("index")
        if not self._is_open or type(index) is not int or index != len(self._blocks) - 1:
            raise UnreadableError("an event is of a block that is not open")
        return index

    def _counted(self, collector: TextCollector, usage: Any, place: Place) -> Usage:
        read_usage(collector, usage, place)
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}
        return usage_of(self._usage)


_EVENTS: Final = {
    "message_start": MessagesReader.started,
    "content_block_start": MessagesReader.block_started,
    "content_block_delta": MessagesReader.block_delta,
    "content_block_stop": MessagesReader.block_stopped,
    "message_delta": MessagesReader.ended,
    "message_stop": MessagesReader.stopped,
    "ping": MessagesReader.pinged,
}


def _beside(event: Mapping[str, Any], *read: str) -> TextCollector:
    """What an event holds besides what is read of it."""
    collector = TextCollector(Role.ASSISTANT)
    others = {name: value for name, value in event.items() if name not in read}
    collector.members(others, (), {"type": one_of(*_EVENTS), "index": is_number})
    return collector


def _whole(collector: TextCollector) -> tuple[Piece, ...]:
    return tuple(_whole_pieces(collector))


def _whole_pieces(collector: TextCollector) -> Iterable[Piece]:
    for text in collector.texts:
        yield Piece((0, text.part, text.place), text.place, text.value, whole=True)
