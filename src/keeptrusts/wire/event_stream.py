"""
Amazon's event streams, `application/vnd.amazon.eventstream`: bytes -> frames of the form that server-sent events have.

A message is its own length and that of its headers (four bytes each), the CRC-32 of these eight, the headers, a
payload, and the CRC-32 of all that. A header is a name behind its length, the number of a type, and a value. Source:
"Event stream encoding" of AWS. The frames are the same however the bytes are cut.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire.sse import MAX_FRAME_BYTES, SseFrame
from keeptrusts.wire.texts import is_token

MEDIA_TYPE: Final = "application/vnd.amazon.eventstream"
_PRELUDE_BYTES: Final = 12
_LEAST_BYTES: Final = 16
_FIXED_BYTES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Of each type of header but bytes (6) and text (7), which say their length themselves."""
_TEXT: Final = 7
_COUNTED: Final = frozenset({6, _TEXT})


class EventStreamDecoder:
    """
    Collects bytes until a message is whole.

    Args:
        max_frame_bytes: A message that says it is larger is refused, so memory is bounded.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._held = bytearray()
        self._wanted = 0
        self._headers = 0

    def feed(self, data: bytes) -> Iterator[SseFrame]:
        """
        The frames that these bytes complete, to be taken before more is fed. `rest` names the event.

        Raises:
            UnreadableError: They are not what they should be, or a message is too large.
            UpstreamLostError: The provider says that it failed.
        """
        self._held += data
        while self._is_whole():
            raw = bytes(self._held[: self._wanted])
            del self._held[: self._wanted]
            self._wanted = 0
            yield self._frame(raw)

    def flush(self) -> Iterator[SseFrame]:
        """
        Nothing is left at the end.

        Raises:
            UpstreamLostError: A message is cut off.
        """
        if self._held:
            raise UpstreamLostError("the provider's stream ended within a message")
        return iter(())

    def _is_whole(self) -> bool:
        if not self._wanted and len(self._held) >= _PRELUDE_BYTES:
            self._begin(bytes(self._held[:_PRELUDE_BYTES]))
        return bool(self._wanted) and len(self._held) >= self._wanted

    def _begin(self, prelude: bytes) -> None:
        size, headers, check = (int.from_bytes(prelude[at : at + 4]) for at in (0, 4, 8))
        if zlib.crc32(prelude[:8]) != check or size < headers + _LEAST_BYTES:
            raise UnreadableError("the beginning of a message is damaged")
        if size > self._limit:
            raise UnreadableError(f"a message of more than {self._limit} bytes")
        self._wanted, self._headers = size, headers

    def _frame(self, raw: bytes) -> SseFrame:
        if zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:]):
            raise UnreadableError("a message is damaged")
        end = _PRELUDE_BYTES + self._headers
        headers = _texts(raw[_PRELUDE_BYTES:end])
        kind = headers.get(":message-type")
        if kind in {"exception", "error"}:
            name = headers.get(":exception-type") or headers.get(":error-code") or ""
            raise UpstreamLostError(f"the provider broke off: {name if is_token(name) else kind}")
        if kind != "event" or not headers.get(":event-type"):
            raise UnreadableError("a message is neither an event nor a failure")
        try:
            return SseFrame(raw, raw[end:-4].decode(), f"event: {headers[':event-type']}")
        except UnicodeDecodeError:
            raise UnreadableError("an event is not UTF-8") from None


def _texts(block: bytes) -> dict[str, str]:
    """The headers that are text. All others are passed over, but have to be whole."""
    found: dict[str, str] = {}
    seen: set[bytes] = set()
    at = 0
    while at < len(block):
        begin = at + 1 + block[at]
        name, kind = block[at + 1 : begin], block[begin : begin + 1]
        value, at = _value(block, begin + 1, kind[0] if kind else -1)
        if not name or name in seen:
            raise UnreadableError("the headers of a message are damaged")
        seen.add(name)
        if kind[0] == _TEXT:
            found[name.decode("latin-1")] = value.decode("utf-8", "replace")
    return found


def _value(block: bytes, at: int, kind: int) -> tuple[bytes, int]:
    """A value of this type, and where the next header begins."""
    if kind in _COUNTED:
        begin = at + 2
        end = begin + int.from_bytes(block[at:begin])
    else:
        begin, end = at, at + _FIXED_BYTES.get(kind, len(block))
    if kind < 0 or begin > len(block) or end > len(block) or (kind not in _COUNTED and kind not in _FIXED_BYTES):
        raise UnreadableError("the headers of a message are damaged")
    return block[begin:end], end
