"""
Chunks of a chat completion taken apart, for writers of other formats.

Texts are handed on as they come. Tool calls, whose deltas may run through each other, are kept until the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.strict_json import parse_object

Kind: TypeAlias = Literal["reasoning", "content", "refusal"]


@dataclass(slots=True)
class TakenCall:
    """A tool call as far as it was said."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class TakenChat:
    """
    What the chunks so far said besides their texts.

    Args:
        head: The first chunk: its id and its model are those of the answer.
        reason: Why the model stopped; None until it did.
    """

    head: Mapping[str, Any] | None = None
    reason: str | None = None
    refused: bool = False
    usage: Any = None
    _calls: dict[int, TakenCall] = field(default_factory=dict)

    @property
    def calls(self) -> list[TakenCall]:
        """In the order of their indices."""
        return [call for _, call in sorted(self._calls.items())]

    def take(self, data: str) -> list[tuple[Kind, str]]:
        """
        The texts of a chunk.

        Raises:
            UnreadableError: It is no chunk of a chat completion with one choice.
            UpstreamLostError: The provider says that it failed.
        """
        try:
            return list(self._texts(parse_object(data.encode())))
        except (KeyError, TypeError, AttributeError, IndexError):
            raise UnreadableError("the stream is not of the form that its API describes") from None

    def _texts(self, chunk: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
        if "choices" not in chunk and "usage" not in chunk:
            refuse_failure(chunk)
            raise UnreadableError("a chunk has no `choices`")
        self.head = self.head or chunk
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                raise UnreadableError("the answer has several choices, and here it may have just one")
            yield from self._delta(choice.get("delta") or {})
            self.reason = choice.get("finish_reason") or self.reason

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
        said: dict[Kind, Any] = {
            "reasoning": delta.get("reasoning_content") or delta.get("reasoning"),
            "content": delta.get("content"),
            "refusal": delta.get("refusal"),
        }
        for kind, text in said.items():
            if text:
                self.refused = self.refused or kind == "refusal"
                yield kind, str(text)
        for call in delta.get("tool_calls") or ():
            held = self._calls.setdefault(call["index"], TakenCall())
            function = call.get("function") or {}
            held.id = call.get("id") or held.id
            held.name += function.get("name") or ""
            held.arguments += function.get("arguments") or ""
