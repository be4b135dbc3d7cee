"""
Server-sent events (WHATWG HTML, section 9.2): bytes -> frames, each with the very bytes it came in.

The frames of a stream are the same however its bytes are cut, and their `raw` joined is the stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from keeptrusts.core.errors import UnreadableError

MAX_FRAME_BYTES: Final = 8 * 1024 * 1024
DONE: Final = "[DONE]"
_BOM: Final = b"\xef\xbb\xbf"
# The end of a line and of the empty line after it. No repetition: linear on any input.
_END: Final = re.compile(rb"\n\n|\n\r\n?|\r\r\n?")


class SseFrame(NamedTuple):
    """
    What stands between two empty lines.

    Args:
        raw: Its bytes, the empty line included.
        data: The `data` lines joined; None when there is none (a comment, a heartbeat).
        rest: All other lines that are not empty, joined by line feeds.
    """

    raw: bytes
    data: str | None
    rest: str = ""


class SseDecoder:
    """
    Collects bytes until a frame is whole.

    Args:
        max_frame_bytes: A frame that grows beyond this is refused, so memory is bounded.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._held = b""
        self._searched = 0
        self._first = True

    def feed(self, data: bytes) -> Iterator[SseFrame]:
        """
        The frames that these bytes complete, to be taken before more is fed.

        Raises:
            UnreadableError: A frame is too large or not UTF-8.
        """
        held = self._held + data if self._held else data
        start = 0
        at = self._searched
        while (end := _END.search(held, at)) is not None:
            # A carriage return at the very end may be half of a line end: what follows decides where the frame ends.
            if end.end() == len(held) and held.endswith(b"\r"):
                break
            yield self._frame(held[start : end.end()])
            start = at = end.end()
        self._held = held[start:]
        self._searched = max(0, len(self._held) - 2)
        self._check(self._held)

    def flush(self) -> Iterator[SseFrame]:
        """What is left at the end. Browsers drop an unfinished event; the clients of model providers do not."""
        left, self._held, self._searched = self._held, b"", 0
        if left:
            yield self._frame(left)

    def _check(self, raw: bytes) -> None:
        if len(raw) > self._limit:
            raise UnreadableError(f"an event of more than {self._limit} bytes")

    def _frame(self, raw: bytes) -> SseFrame:
        self._check(raw)
        shown = raw
        if self._first:
            self._first = False
            shown = raw.removeprefix(_BOM)
        try:
            text = shown.decode("utf-8")
        except UnicodeDecodeError:
            raise UnreadableError("an event is not UTF-8") from None
        return _usual(raw, text) or _parsed(raw, text)


def check_name(rest: str, kind: object) -> None:
    """
    Clients go by the name of an event or by the type in its data, so they have to be the same.

    Raises:
        UnreadableError: They differ.
    """
    for line in rest.split("\n"):
        name, _, value = line.partition(":")
        if name == "event" and value.removeprefix(" ") != kind:
            raise UnreadableError("an event has two names")


def encode_frame(data: str, rest: str = "") -> bytes:
    """One event. `data` may have several lines."""
    lines = [*rest.split("\n")] if rest else []
    lines += [f"data: {line}" for line in data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def _usual(raw: bytes, text: str) -> SseFrame | None:
    """One line of data, and perhaps one with a name before it, as providers send them; None for all else."""
    if not text.endswith("\n\n") or "\r" in text:
        return None
    lines = text.count("\n")
    if lines == 2 and text.startswith("data: "):
        return SseFrame(raw, text[6:-2])
    name, _, data = text.partition("\n")
    if lines == 3 and name.startswith("event: ") and data.startswith("data: "):
        return SseFrame(raw, data[6:-2], name)
    return None


def _parsed(raw: bytes, text: str) -> SseFrame:
    data: list[str] = []
    rest: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif line:
            rest.append(line)
    return SseFrame(raw, "\n".join(data) if data else None, "\n".join(rest))
