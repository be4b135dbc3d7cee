"""
Chunks of a streamed chat completion, as pieces of the texts they add to.

Every string of a delta that is no known metadata belongs to a channel: the text that the client puts together from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.filter_verdicts import FILTER_FIELDS
from keeptrusts.wire.openai_chat import ROLES, refuse_media, usage_of, usage_texts
from keeptrusts.wire.readings import Channel, Chunk, Piece
from keeptrusts.wire.sealed import LEAST_CHARS, legible
from keeptrusts.wire.sse import DONE, SseFrame
from keeptrusts.wire.strict_json import KEY, parse_object
from keeptrusts.wire.texts import TextCollector, is_model_name, is_number, is_token, one_of

_PARTS: Final = {
    "content": Part.CONTENT,
    "refusal": Part.REFUSAL,
    "reasoning": Part.REASONING,
    "reasoning_content": Part.REASONING,
}
_LEGACY: Final = -1
"""Index of the call that `function_call` makes, beside those of `tool_calls`."""
_FINISH: Final = one_of("stop", "length", "tool_calls", "content_filter", "function_call")


def read_chunk(frame: SseFrame) -> Chunk:
    """
    Read a frame.

    Raises:
        UnreadableError: It is no chunk of a chat completion.
        UpstreamLostError: The provider says that it failed.
    """
    if frame.data is None:
        if any(not line.startswith(":") for line in frame.rest.split("\n") if line):
            raise UnreadableError("an event without data")
        return Chunk(frame, None)
    if frame.data == DONE:
        return Chunk(frame, None, done=True)
    raw = frame.data.encode()
    document = parse_object(raw)
    reader = _ChunkReader()
    for position, choice in enumerate(choices_of(document)):
        reader.choice(choice, ("choices", position))
    others = {name: value for name, value in document.items() if name not in {"choices", "usage"}}
    reader.others(0, others, (), _TOP)
    reader.unknown(0, usage_texts(document))
    usage = usage_of(document["usage"]) if document.get("usage") else None
    texts, ids, tables = tuple(reader.pieces), tuple(reader.call_ids), tuple(reader.logprobs)
    return Chunk(frame, raw, texts, ids, tables, usage, tuple(reader.choices))


def choices_of(document: Mapping[str, Any]) -> list[Any]:
    """
    Those that a chunk speaks of; none in one that tells counts alone.

    Raises:
        UnreadableError: It is no chunk.
        UpstreamLostError: The provider says that it failed.
    """
    choices = document.get("choices", [])
    if not isinstance(choices, list) or ("choices" not in document and "usage" not in document):
        refuse_failure(document)
        raise UnreadableError("a chunk has no `choices`")
    return choices


_CHOICE: Final = {"finish_reason": _FINISH, **FILTER_FIELDS}
_TOP: Final = {
    "id": is_token,
    "object": one_of("chat.completion.chunk"),
    "created": is_number,
    "model": is_model_name,
    "service_tier": is_token,
    "system_fingerprint": is_token,
    "obfuscation": is_token,
    **FILTER_FIELDS,
}


class _ChunkReader:
    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.call_ids: list[tuple[tuple[int, int], str]] = []
        self.logprobs: list[Place] = []
        self.choices: list[tuple[int, bool]] = []

    def choice(self, choice: Any, place: Place) -> None:
        if not isinstance(choice, dict):
            raise UnreadableError("a choice is not an object")
        index = choice_index(choice, place[-1])
        self.choices.append((index, bool(choice.get("finish_reason"))))
        if choice.get("logprobs") is not None:
            self.logprobs.append((*place, "logprobs"))
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise UnreadableError("a delta is not an object")
        self._delta(index, delta, (*place, "delta"))
        others = {name: value for name, value in choice.items() if name not in {"delta", "logprobs", "index"}}
        self.others(index, others, place, _CHOICE)

    def _delta(self, choice: int, delta: Mapping[str, Any], place: Place) -> None:
        role = delta.get("role")
        if role is not None and (not isinstance(role, str) or role not in ROLES):
            raise UnreadableError("a delta has a role that is not known")
        for name, part in _PARTS.items():
            value = delta.get(name)
            if isinstance(value, str) and value:
                self.pieces.append(_said((choice, part, (name,)), (*place, name), value))
            elif value:
                self.others(choice, {name: value}, place, {})
        refuse_media(delta)
        calls = delta.get("tool_calls") or []
        if not isinstance(calls, list):
            raise UnreadableError("`tool_calls` is not a list")
        for position, call in enumerate(calls):
            self._call(choice, call, (*place, "tool_calls", position))
        if delta.get("function_call") is not None:
            self._function(choice, delta["function_call"], _LEGACY, (*place, "function_call"))
        read = {"role", "tool_calls", "function_call", *_PARTS}
        others = {name: value for name, value in delta.items() if name not in read}
        self.others(choice, legible(others, LEAST_CHARS), place, {})

    def _call(self, choice: int, call: Any, place: Place) -> None:
        if not isinstance(call, dict):
            raise UnreadableError("a tool call is not an object")
        index = choice_index(call, place[-1])
        identifier = call.get("id")
        if isinstance(identifier, str) and identifier:
            self.call_ids.append(((choice, index), identifier))
        if call.get("function") is not None:
            self._function(choice, call["function"], index, (*place, "function"))
        known = {"id": is_token, "type": one_of("function"), "index": is_number}
        others = {name: value for name, value in call.items() if name != "function"}
        self.others(choice, legible(others, LEAST_CHARS), place, known)

    def _function(self, choice: int, function: Any, index: int, place: Place) -> None:
        if not isinstance(function, dict):
            raise UnreadableError("the function of a tool call is not an object")
        for name in ("name", "arguments"):
            value = function.get(name)
            if isinstance(value, str) and value:
                self.pieces.append(_said((choice, Part.TOOL_CALL, (index, name)), (*place, name), value))
            elif value:
                raise UnreadableError(f"the `{name}` of a tool call is not text")
        others = {name: value for name, value in function.items() if name not in {"name", "arguments"}}
        self.others(choice, others, place, {})

    def others(self, choice: int, members: Mapping[str, Any], place: Place, known: Mapping[str, Any]) -> None:
        """Fields that nobody knows: each string of theirs is a channel by its place."""
        collector = TextCollector()
        collector.members(members, place, known)
        self.unknown(choice, collector)

    def unknown(self, choice: int, collector: TextCollector) -> None:
        for text in collector.texts:
            below = tuple(step for step in text.place if step not in {"choices", "delta"})
            beside = text.place[0] != "choices"
            self.pieces.append(Piece((choice, Part.OTHER, below), text.place, text.value, whole=beside))


def _said(channel: Channel, place: Place, text: str) -> Piece:
    return Piece(channel, place, text, ending=(*place[:2], "finish_reason"))


def calls_in(channels: Mapping[Channel, str]) -> Iterator[tuple[int, int, str, str]]:
    """`(choice, index, name, arguments)` of each tool call put together from a stream."""
    found = sorted({(choice, place[0]) for choice, part, place in channels if part is Part.TOOL_CALL}, key=str)
    for choice, index in found:
        assert isinstance(index, int)
        name = channels.get((choice, Part.TOOL_CALL, (index, "name")), "")
        yield choice, index, name, channels.get((choice, Part.TOOL_CALL, (index, "arguments")), "")


def is_key(place: Place) -> bool:
    """Whether a piece is the name of a member, which cannot be put together from several chunks."""
    return bool(place) and place[-1] == KEY


def choice_index(given: Mapping[str, Any], position: str | int) -> int:
    """The index of a choice or a call; where it stands, when it says none. Raises `UnreadableError`."""
    index = given.get("index", position)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 10_000:
        raise UnreadableError("an index is not a small whole number")
    return index
