"""
Between what a client speaks and what a provider does: through chat completions, the one internal form (ADR-0150).

Each format knows its way to chat and back and no other format, so N formats and M providers take N + M translations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.sse import SseFrame
from keeptrusts.wire.strict_json import parse_object

Convert: TypeAlias = Callable[[bytes], bytes]


class Translator(Protocol):
    """Frames of one stream in, in order; frames of another out. Both raise `UnreadableError`."""

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """The frames that these mean."""
        ...

    def end(self) -> Iterator[SseFrame]:
        """What is left when no more come; nothing when the answer was cut off."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What an answer says that its provider does not.

    Args:
        model: That was asked for.
        at: When, in seconds since the epoch, UTC.
        counts_apart: The client asked for the counts of a stream, so they have a chunk of their own.
        packed: It asked for vectors in base64.
        json_mode: It asked for a JSON object, of any form.
    """

    model: str
    request_id: str
    at: int = 0
    counts_apart: bool = False
    packed: bool = False
    json_mode: bool = False


@dataclass(frozen=True, slots=True)
class Bridge:
    """
    A way from one form to another: there for requests, back for answers.

    Args:
        stream: Makes the translator of one stream; None when there are no streams.
    """

    request: Convert
    answer: Callable[[bytes, Asked], bytes]
    stream: Callable[[Asked], Translator] | None = None


def joined(near: Bridge, far: Bridge) -> Bridge:
    """From a client's form to chat, and on to a provider's."""
    first, second = near.stream, far.stream
    stream = None if first is None or second is None else lambda asked: _Joined(second(asked), first(asked))
    return Bridge(
        lambda raw: far.request(near.request(raw)),
        lambda raw, asked: near.answer(far.answer(raw, asked), asked),
        stream,
    )


def named(convert: Convert) -> Callable[[bytes, Asked], bytes]:
    """Answers that say themselves what they are named by."""
    return lambda raw, _: convert(raw)


def read_translatable(raw: bytes, known: AbstractSet[str]) -> dict[str, Any]:
    """
    A request all of whose fields have a translation.

    Raises:
        UnreadableError: One has none; it is named, not dropped: the caller would believe that it was heeded.
    """
    document = parse_object(raw)
    unknown = next((name for name, value in document.items() if name not in known and value is not None), None)
    if unknown is not None:
        raise UnreadableError(f"`{unknown}` cannot be translated for this provider: leave it out")
    return document


def guarded(convert: Convert) -> Convert:
    """A member that is absent or of another type makes the whole unreadable (law 2)."""

    def converted(raw: bytes) -> bytes:
        try:
            return convert(raw)
        except _MISSHAPEN:
            raise UnreadableError("a message is not of the form that its API describes") from None

    return converted


_MISSHAPEN: Final = (KeyError, TypeError, AttributeError, IndexError)


class _Joined:
    def __init__(self, first: Translator, second: Translator) -> None:
        self._first = first
        self._second = second

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        return self._second.translate(self._first.translate(frames))

    def end(self) -> Iterator[SseFrame]:
        yield from self._second.translate(self._first.end())
        yield from self._second.end()
