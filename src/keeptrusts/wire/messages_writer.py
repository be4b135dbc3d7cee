"""
Chunks of a streamed chat completion as the events of a message.

Blocks follow one another there, so tool calls, whose deltas may run through each other, are said at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.messages_as_chat import arguments_of, message_of, stop_reason, usage_of
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame
from keeptrusts.wire.strict_json import parse_object


class MessagesWriter:
    """
    The events that the chunks of one stream mean.

    Args:
        model: What the client asked for; it counts when the provider does not say its own name for it.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._begun = False
        self._ended = False
        self._blocks = 0
        self._open: str | None = None
        self._calls: dict[int, dict[str, str]] = {}
        self._reason: str | None = None
        self._refused = False
        self._usage: Any = None

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """
        The frames that these mean.

        Raises:
            UnreadableError: One is no chunk of a chat completion with one choice.
        """
        for frame in frames:
            if frame.data == DONE:
                yield from self.end()
            elif frame.data is not None:
                for event in self._meaning(frame.data):
                    yield _frame(event)

    def end(self) -> Iterator[SseFrame]:
        """What is left to say when the model is done; nothing when it was cut off."""
        if self._reason is None or self._ended:
            return
        self._ended = True
        events = [*self._close(), *self._said_calls()]
        reason = "refusal" if self._refused else stop_reason(self._reason)
        delta = {"stop_reason": reason, "stop_sequence": None}
        events += [{"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)}, {"type": "message_stop"}]
        yield from map(_frame, events)

    def _meaning(self, data: str) -> list[dict[str, Any]]:
        try:
            return list(self._events(parse_object(data.encode())))
        except (KeyError, TypeError, AttributeError, IndexError):
            raise UnreadableError("the stream is not of the form that its API describes") from None

    def _events(self, chunk: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if "choices" not in chunk and "usage" not in chunk:
            raise UnreadableError("a chunk has no `choices`")
        if not self._begun:
            self._begun = True
            yield {"type": "message_start", "message": message_of({"model": self._model} | dict(chunk))}
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                raise UnreadableError("the answer has several choices, and a message has just one")
            yield from self._delta(choice.get("delta") or {})
            self._reason = choice.get("finish_reason") or self._reason

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield from self._said("thinking", delta.get("reasoning_content") or delta.get("reasoning"))
        yield from self._said("text", delta.get("content"))
        if delta.get("refusal"):
            self._refused = True
            yield from self._said("text", delta["refusal"])
        for call in delta.get("tool_calls") or ():
            held = self._calls.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
            function = call.get("function") or {}
            held["id"] = call.get("id") or held["id"]
            held["name"] += function.get("name") or ""
            held["arguments"] += function.get("arguments") or ""

    def _said(self, kind: str, text: Any) -> Iterator[dict[str, Any]]:
        if not text:
            return
        if self._open != kind:
            yield from self._close()
            block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            yield self._start(block)
            self._open = kind
        yield self._block_delta({"type": f"{kind}_delta", kind: text})

    def _said_calls(self) -> Iterator[dict[str, Any]]:
        for _, held in sorted(self._calls.items()):
            yield self._start({"type": "tool_use", "id": held["id"], "name": held["name"], "input": {}})
            self._open = "tool_use"
            yield self._block_delta({"type": "input_json_delta", "partial_json": arguments_of(held["arguments"])})
            yield from self._close()

    def _start(self, block: Mapping[str, Any]) -> dict[str, Any]:
        self._blocks += 1
        return {"type": "content_block_start", "index": self._blocks - 1, "content_block": block}

    def _block_delta(self, delta: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._blocks - 1, "delta": delta}

    def _close(self) -> Iterator[dict[str, Any]]:
        if self._open is not None:
            self._open = None
            yield {"type": "content_block_stop", "index": self._blocks - 1}


def _frame(event: Mapping[str, Any]) -> SseFrame:
    data, name = json.dumps(event, ensure_ascii=False), f"event: {event['type']}"
    return SseFrame(encode_frame(data, name), data, name)
