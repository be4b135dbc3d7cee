"""
Chunks of a streamed chat completion as the events of a response.

Items follow one another there, so tool calls, whose deltas may run through each other, are said at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from keeptrusts.wire.chat_taken import Kind, TakenChat
from keeptrusts.wire.responses_as_chat import (
    call_item,
    ending_of,
    message_item,
    reasoning_item,
    refusal_part,
    response_of,
    text_part,
)
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame

_NAMES: Final[Mapping[Kind, tuple[str, str]]] = {
    "content": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "reasoning": ("response.reasoning_text", "text"),
}
"""Kinds of text: what their events are called, and the member that holds the whole."""


class ResponsesWriter:
    """
    The events that the chunks of one stream mean.

    Args:
        model: What the client asked for; it counts when the provider does not say its own name for it.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._taken = TakenChat()
        self._response: dict[str, Any] = {}
        self._number = 0
        self._open: Kind | None = None
        self._texts: list[str] = []
        self._ended = False

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
                yield from self._events(frame.data)

    def end(self) -> Iterator[SseFrame]:
        """What is left to say when the model is done; nothing when it was cut off."""
        if self._taken.reason is None or self._ended:
            return
        self._ended = True
        yield from self._close()
        for call in self._taken.calls:
            item = call_item(self._response, call.id, call.name, call.arguments)
            about = self._about(item)
            yield self._event("response.output_item.added", item={**item, "arguments": "", "status": "in_progress"})
            if call.arguments:
                yield self._event("response.function_call_arguments.delta", **about, delta=call.arguments)
            yield self._event("response.function_call_arguments.done", **about, arguments=call.arguments)
            yield from self._done(item)
        self._response |= ending_of(self._taken.reason, self._taken.usage)
        yield self._event(f"response.{self._response['status']}", output_index=None, response=self._response)

    def _events(self, data: str) -> Iterator[SseFrame]:
        said = self._taken.take(data)
        if not self._response:
            self._response = response_of({"model": self._model} | dict(self._taken.head or {}))
            for step in ("created", "in_progress"):
                yield self._event(f"response.{step}", output_index=None, response=self._response)
        for kind, text in said:
            if self._open != kind:
                yield from self._close()
                yield from self._begin(kind)
            self._texts.append(text)
            yield self._event(
                f"{_NAMES[kind][0]}.delta", **self._about(self._item(kind, "")), **_within(kind), delta=text
            )

    def _begin(self, kind: Kind) -> Iterator[SseFrame]:
        self._open = kind
        item = self._item(kind, "")
        parts = item["content"]
        yield self._event("response.output_item.added", item={**item, "content": [], "status": "in_progress"})
        yield self._event("response.content_part.added", **self._about(item), content_index=0, part=parts[0])

    def _close(self) -> Iterator[SseFrame]:
        if self._open is None:
            return
        kind, text = self._open, "".join(self._texts)
        self._open, self._texts = None, []
        item = self._item(kind, text)
        name, key = _NAMES[kind]
        yield self._event(f"{name}.done", **self._about(item), **_within(kind), **{key: text})
        yield self._event("response.content_part.done", **self._about(item), content_index=0, part=item["content"][0])
        yield from self._done(item)

    def _done(self, item: Mapping[str, Any]) -> Iterator[SseFrame]:
        yield self._event("response.output_item.done", item=item)
        self._response["output"].append(item)

    def _item(self, kind: Kind, text: str) -> dict[str, Any]:
        if kind == "reasoning":
            return reasoning_item(self._response, text)
        part = text_part(text) if kind == "content" else refusal_part(text)
        return message_item(self._response, [part])

    @staticmethod
    def _about(item: Mapping[str, Any]) -> dict[str, Any]:
        return {"item_id": item["id"]}

    def _event(self, kind: str, **fields: Any) -> SseFrame:
        event: dict[str, Any] = {"type": kind, "sequence_number": self._number}
        if "output_index" in fields:
            del fields["output_index"]
        else:
            event["output_index"] = len(self._response["output"])
        self._number += 1
        data, name = json.dumps(event | fields, ensure_ascii=False), f"event: {kind}"
        return SseFrame(encode_frame(data, name), data, name)


def _within(kind: Kind) -> dict[str, Any]:
    return {"content_index": 0} | ({"logprobs": []} if kind == "content" else {})
