"""The events of ConverseStream as chunks of a chat completion. Source: the API reference of Amazon Bedrock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.bedrock import finish_reason, head_of, usage_of
from keeptrusts.wire.far_side import StreamedCalls, ending
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.translation import Asked


class ConverseStream:
    """
    One stream. Its counts come behind its end, and are told with it: the end waits for them.

    Args:
        asked: By what the answer is called: the stream names neither itself nor its model.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._head = head_of(asked, "chat.completion.chunk")
        self._calls = StreamedCalls()
        self._finish: str | None = None

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """
        The frames that these mean.

        Raises:
            UnreadableError: An event, a block or a delta that is not known.
        """
        for frame in frames:
            yield from map(_frame, self._read(frame))

    def end(self) -> Iterator[SseFrame]:
        """Of an answer whose counts did not come; nothing of one that was cut off."""
        yield from map(_frame, self._ended(None))

    def _read(self, frame: SseFrame) -> list[str]:
        try:
            return list(self._meaning(frame.rest.removeprefix("event: "), parse_object((frame.data or "").encode())))
        except (KeyError, TypeError, AttributeError):
            raise UnreadableError("an event is not of the form that its API describes") from None

    def _meaning(self, name: str, event: Mapping[str, Any]) -> Iterator[str]:
        match name:
            case "messageStart":
                yield self._chunk({"role": "assistant", "content": ""})
            case "contentBlockStart":
                yield from self._started(event["contentBlockIndex"], event["start"])
            case "contentBlockDelta":
                yield from self._delta(event["contentBlockIndex"], event["delta"])
            case "messageStop":
                self._finish = finish_reason(event["stopReason"])
            case "metadata":
                yield from self._ended(usage_of(event.get("usage")))
            case "contentBlockStop":
                yield from map(self._chunk, self._calls.closed(event["contentBlockIndex"]))
            case _:
                raise UnreadableError("the provider sent an event that is not known")

    def _started(self, block: int, start: Any) -> Iterator[str]:
        match start:
            case {"toolUse": {"toolUseId": str(identifier), "name": str(name), **more}} if not more:
                yield self._chunk(self._calls.begun(block, identifier, name))
            case {} if not start:
                return
            case _:
                raise UnreadableError("the answer holds a block that is not known")

    def _delta(self, block: int, delta: Any) -> Iterator[str]:
        match delta:
            case {"text": str(text)}:
                yield self._chunk({"content": text})
            case {"toolUse": {"input": str(piece)}}:
                yield self._chunk(self._calls.more(block, piece))
            case {"reasoningContent": {"text": str(text)}}:
                yield self._chunk({"reasoning_content": text})
            case {"reasoningContent": {"signature": str()} | {"redactedContent": str()}}:
                return
            case _:
                raise UnreadableError("the answer holds a delta that is not known")

    def _ended(self, usage: Mapping[str, Any] | None) -> Iterator[str]:
        if self._finish is not None:
            choice = {"index": 0, "delta": {}, "finish_reason": self._finish}
            self._finish = None
            for said in ending(choice, usage, self._asked):
                yield json.dumps({**self._head, **said}, ensure_ascii=False)
            yield DONE

    def _chunk(self, delta: Mapping[str, Any]) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return json.dumps({**self._head, "choices": [choice]}, ensure_ascii=False)


def _frame(data: str) -> SseFrame:
    return SseFrame(encode_frame(data), data)
