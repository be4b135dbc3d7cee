"""
Chunks of a streamed chat completion as the events of a message.

Blocks follow one another there, so tool calls, whose deltas may run through each other, are said at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keeptrusts.wire.chat_taken import TakenChat
from keeptrusts.wire.messages_as_chat import arguments_of, message_of, stop_reason, usage_of
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame


class MessagesWriter:
    """
    The events that the chunks of one stream mean.

    Args:
        model: What the client asked for; it counts when the provider does not say its own name for it.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._taken = TakenChat()
        self._begun = False
        self._ended = False
        self._blocks = 0
        self._open: str | None = None

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
                yield from map(_frame, self._events(frame.data))

    def end(self) -> Iterator[SseFrame]:
        """What is left to say when the model is done; nothing when it was cut off."""
        taken = self._taken
        if taken.reason is None or self._ended:
            return
        self._ended = True
        events = [*self._close(), *self._said_calls()]
        delta = {"stop_reason": "refusal" if taken.refused else stop_reason(taken.reason), "stop_sequence": None}
        events += [{"type": "message_delta", "delta": delta, "usage": usage_of(taken.usage)}, {"type": "message_stop"}]
        yield from map(_frame, events)

    def _events(self, data: str) -> Iterator[dict[str, Any]]:
        said = self._taken.take(data)
        if not self._begun:
            self._begun = True
            yield {
                "type": "message_start",
                "message": message_of({"model": self._model} | dict(self._taken.head or {})),
            }
        for kind, text in said:
            yield from self._said("thinking" if kind == "reasoning" else "text", text)

    def _said(self, kind: str, text: str) -> Iterator[dict[str, Any]]:
        if self._open != kind:
            yield from self._close()
            block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            yield self._start(block)
            self._open = kind
        yield self._block_delta({"type": f"{kind}_delta", kind: text})

    def _said_calls(self) -> Iterator[dict[str, Any]]:
        for call in self._taken.calls:
            yield self._start({"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
            self._open = "tool_use"
            yield self._block_delta({"type": "input_json_delta", "partial_json": arguments_of(call.arguments)})
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
