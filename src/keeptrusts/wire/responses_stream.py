"""
Events of a streamed response, as pieces of the texts they add to.

Source: the API reference of OpenAI, "Streaming events" of Responses. A text is said up to five times there: in deltas,
as a whole, in its part, in its item and in the response. What is said again has to be the same, and is written again as
the policies left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.readings import Channel, Chunk, Piece
from keeptrusts.wire.responses import CALLS, read_annotations, read_fields, read_item, read_part, read_rest, usage_of
from keeptrusts.wire.sse import DONE, SseFrame, check_name
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import Shape, TextCollector, is_number, is_token

_DELTAS: Final = {
    "response.output_text": ("content", "content_index", "text", Part.CONTENT),
    "response.refusal": ("content", "content_index", "refusal", Part.REFUSAL),
    "response.reasoning_text": ("content", "content_index", "text", Part.REASONING),
    "response.reasoning_summary_text": ("summary", "summary_index", "text", Part.REASONING),
}
"""Kinds of text: where they stand in their item, by which index, under which name, and what they are said in."""
_CALL_DELTAS: Final = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
_PARTS: Final = {"response.content_part": "content", "response.reasoning_summary_part": "summary"}
_STATES: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete"})
_NOTES: Final = frozenset(f"response.web_search_call.{word}" for word in ("in_progress", "searching", "completed"))
_EVENT_FIELDS: Final[Mapping[str, Shape]] = {
    "sequence_number": is_number,
    "output_index": is_number,
    "content_index": is_number,
    "summary_index": is_number,
    "annotation_index": is_number,
    "item_id": is_token,
    "obfuscation": is_token,
}


class ResponsesReader:
    """Reads the events of one stream, in order. Raises `UnreadableError`, `UpstreamLostError`."""

    def __call__(self, frame: SseFrame) -> Chunk:
        if frame.data is None or frame.data == DONE:
            if any(not line.startswith(":") for line in frame.rest.split("\n") if line):
                raise UnreadableError("an event without data")
            return Chunk(frame, None, done=frame.data == DONE)
        raw = frame.data.encode()
        event = parse_object(raw)
        kind = event.get("type")
        check_name(frame.rest, kind)
        if not isinstance(kind, str):
            raise UnreadableError("an event has no type")
        return _Event(frame, raw, event, kind).read()


class _Event:
    def __init__(self, frame: SseFrame, raw: bytes, event: Mapping[str, Any], kind: str) -> None:
        self._frame = frame
        self._raw = raw
        self._event = event
        self._kind = kind
        self._pieces: list[Piece] = []
        self._ids: list[tuple[tuple[int, int], str]] = []
        self._logprobs: list[Place] = []

    def read(self) -> Chunk:
        name, _, step = self._kind.rpartition(".")
        if name in _DELTAS and step in {"delta", "done"}:
            return self._of_text(name, step)
        if name in _CALL_DELTAS and step in {"delta", "done"}:
            return self._of_call(name, step)
        if name in _PARTS and step in {"added", "done"}:
            return self._of_part(name)
        return self._of_other()

    def _of_other(self) -> Chunk:
        if self._kind in _STATES | _ENDS:
            return self._of_response()
        if self._kind in {"response.output_item.added", "response.output_item.done"}:
            self._item(self._event.get("item"), self._index("output_index"), ("item",))
            return self._chunk("item")
        if self._kind == "response.output_text.annotation.added":
            collector = TextCollector(Role.ASSISTANT)
            read_annotations(collector, self._event.get("annotation"), ("annotation",))
            self._add_whole((text.place, text.value) for text in collector.texts)
            return self._chunk("annotation")
        if self._kind in _NOTES:
            return self._chunk()
        refuse_failure(self._event)
        raise UnreadableError("the provider sent an event that is not known")

    def _of_response(self) -> Chunk:
        response = self._event.get("response")
        if not isinstance(response, dict) or not isinstance(response.get("output", []), list):
            raise UnreadableError("an event has no response")
        for index, item in enumerate(response.get("output", [])):
            self._item(item, index, ("response", "output", index))
        collector = TextCollector(Role.ASSISTANT)
        read_fields(collector, response, ("response",))
        self._add_whole((text.place, text.value) for text in collector.texts)
        usage = usage_of(response["usage"]) if response.get("usage") else None
        ends = self._kind in _ENDS
        return self._chunk("response", usage=usage, choices=((0, ends),), done=ends)

    def _of_text(self, name: str, step: str) -> Chunk:
        within, counter, key, part = _DELTAS[name]
        channel: Channel = (0, part, (self._index("output_index"), within, self._index(counter), key))
        if step == "delta":
            self._said(channel, "delta")
        else:
            self._said(channel, key, final=True)
        if self._event.get("logprobs"):
            self._logprobs.append(("logprobs",))
        return self._chunk("delta", key, "logprobs", closes=() if step == "delta" else (channel,))

    def _of_call(self, name: str, step: str) -> Chunk:
        key = _CALL_DELTAS[name]
        channel: Channel = (0, Part.TOOL_CALL, (self._index("output_index"), "arguments"))
        if step == "delta":
            self._said(channel, "delta")
        else:
            self._said(channel, key, final=True)
        collector = TextCollector(Role.ASSISTANT)
        if not is_token(self._event.get("name")):
            collector.walk(self._event["name"], ("name",), Part.TOOL_CALL)
        self._add_whole((text.place, text.value) for text in collector.texts)
        return self._chunk("delta", key, "name")

    def _of_part(self, name: str) -> Chunk:
        within = _PARTS[name]
        place = (self._index("output_index"), within, self._index(f"{within}_index"))
        collector = TextCollector(Role.ASSISTANT)
        part = self._event.get("part")
        reasons = isinstance(part, dict) and part.get("type") in ("reasoning_text", "summary_text")
        read_part(collector, part, ("part",), Part.REASONING if reasons else Part.CONTENT, self._logprobs)
        for text in collector.texts:
            self._repeat((0, text.part, (*place, *text.place[1:])), text.place, text.value)
        return self._chunk("part")

    def _item(self, item: Any, index: int, place: Place) -> None:
        """An item, as far as it was said: what stands in it belongs to the texts of this index."""
        collector = TextCollector(Role.ASSISTANT)
        if isinstance(item, dict) and (key := CALLS.get(str(item.get("type")))) is not None:
            self._call(item, index, place, key)
            read_rest(collector, item, place, {"name", key})
        else:
            read_item(collector, item, place, self._logprobs)
        for text in collector.texts:
            self._repeat((0, text.part, (index, *text.place[len(place) :])), text.place, text.value)

    def _call(self, item: Mapping[str, Any], index: int, place: Place, key: str) -> None:
        for name, told in (("name", "name"), ("arguments", key)):
            value = item.get(told)
            if value is not None and not isinstance(value, str):
                raise UnreadableError(f"the `{told}` of a tool call is not text")
            if value:
                channel: Channel = (0, Part.TOOL_CALL, (index, name))
                self._pieces.append(Piece(channel, (*place, told), value, final=True))
        if isinstance(item.get("call_id"), str):
            self._ids.append(((0, index), item["call_id"]))

    def _said(self, channel: Channel, name: str, *, final: bool = False) -> None:
        value = self._event.get(name)
        if not isinstance(value, str):
            raise UnreadableError("a delta is not text")
        if value:
            self._pieces.append(Piece(channel, (name,), value, final=final))

    def _repeat(self, channel: Channel, place: Place, value: str) -> None:
        """A text of an item, said whole here and perhaps before. Anything else is of this frame alone."""
        said = channel[2][-1] in {"text", "refusal"}
        self._pieces.append(Piece(channel, place, value, whole=not said, final=said))

    def _add_whole(self, texts: Iterable[tuple[Place, str]]) -> None:
        self._pieces += (Piece((0, Part.OTHER, place), place, value, whole=True) for place, value in texts)

    def _index(self, name: str) -> int:
        value = self._event.get(name)
        if type(value) is not int or not 0 <= value < 10_000:
            raise UnreadableError("an index is not a small whole number")
        return value

    def _chunk(self, *read: str, **fields: Any) -> Chunk:
        collector = TextCollector(Role.ASSISTANT)
        others = {name: value for name, value in self._event.items() if name not in {"type", *read}}
        collector.members(others, (), _EVENT_FIELDS)
        self._add_whole((text.place, text.value) for text in collector.texts)
        return Chunk(
            self._frame, self._raw, tuple(self._pieces), tuple(self._ids), tuple(self._logprobs), blank=(), **fields
        )
