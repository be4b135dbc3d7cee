"""
JSON mode at providers that have none: the model has to call one tool, and what it calls it with is the answer.

All of it happens in chat completions, between a client's form and a provider's, so neither knows of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.sse import SseFrame, encode_frame
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.translation import Asked, Bridge, Translator

NAME: Final = "json_answer"
_TOOL: Final[Mapping[str, Any]] = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": "Give the whole answer with this: the JSON object that was asked for.",
        "parameters": {"type": "object"},
    },
}
_CHOICE: Final[Mapping[str, Any]] = {"type": "function", "function": {"name": NAME}}


def asked_by_tool(document: dict[str, Any]) -> dict[str, Any]:
    """
    A chat request in JSON mode as one that has to call the tool; any other as it is.

    Raises:
        UnreadableError: It has tools of its own, and the model could not call those.
    """
    if document.get("response_format") != {"type": "json_object"}:
        return document
    if document.get("tools"):
        raise UnreadableError("this provider has no JSON mode beside `tools`: send `response_format` of `json_schema`")
    rest = {name: value for name, value in document.items() if name != "response_format"}
    return rest | {"tools": [_TOOL], "tool_choice": _CHOICE}


def with_json_mode(bridge: Bridge) -> Bridge:
    """The same way from chat to a provider and back, with answers in JSON mode unwrapped."""
    make = bridge.stream

    def answer(raw: bytes, asked: Asked) -> bytes:
        said = bridge.answer(raw, asked)
        return _unwrapped(said) if asked.json_mode else said

    def stream(asked: Asked) -> Translator:
        assert make is not None
        return _Unwrapping(make(asked)) if asked.json_mode else make(asked)

    return replace(bridge, answer=answer, stream=stream if make is not None else None)


def _unwrapped(raw: bytes) -> bytes:
    answer = parse_object(raw)
    for choice in answer["choices"]:
        message = choice["message"]
        calls: list[Any] = message.get("tool_calls") or []
        if [call["function"]["name"] for call in calls] == [NAME]:
            message["content"] = calls[0]["function"]["arguments"]
            del message["tool_calls"]
            choice["finish_reason"] = _finish(choice.get("finish_reason"))
    return json.dumps(answer, ensure_ascii=False).encode()


class _Unwrapping:
    """
    The chunks of an answer, with the arguments of the tool as its text.

    Text of another kind waits for the end, and is said only when the tool is not called: before JSON it would spoil it.
    """

    def __init__(self, inner: Translator) -> None:
        self._inner = inner
        self._waiting: list[str] = []
        self._called = False

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """The frames that these mean. Raises `UnreadableError`."""
        yield from map(self._changed, self._inner.translate(frames))

    def end(self) -> Iterator[SseFrame]:
        """What is left when no more come."""
        yield from map(self._changed, self._inner.end())

    def _changed(self, frame: SseFrame) -> SseFrame:
        if frame.data is None or not frame.data.startswith("{"):
            return frame
        chunk = parse_object(frame.data.encode())
        for choice in chunk["choices"]:
            choice["delta"] = self._delta(choice["delta"], ends=choice.get("finish_reason") is not None)
            choice["finish_reason"] = _finish(choice.get("finish_reason"))
        data = json.dumps(chunk, ensure_ascii=False)
        return SseFrame(encode_frame(data), data)

    def _delta(self, delta: Mapping[str, Any], *, ends: bool) -> dict[str, Any]:
        out = {name: value for name, value in delta.items() if name not in {"content", "tool_calls"}}
        self._waiting.append(delta.get("content") or "")
        said = []
        for call in delta.get("tool_calls") or ():
            self._called = True
            said.append(call["function"].get("arguments") or "")
        if ends and not self._called:
            said, self._waiting = self._waiting, []
        text = "".join(said)
        return out | ({"content": text} if text or "role" in delta else {})


def _finish(reason: Any) -> Any:
    return "stop" if reason == "tool_calls" else reason
