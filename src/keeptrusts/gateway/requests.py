"""
HTTP/1.1 requests out of bytes (RFC 9112), strictly, and without a socket.

Whatever two servers could read differently is refused and the connection closed: conflicting lengths, bad chunking,
folded headers, a bare CR or LF. llhttp finds those; the limits and the buffer are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.flow.effects import Headers

MAX_HEAD_BYTES: Final = 64 * 1024
_END: Final = b"\r\n\r\n"


class RefusedRequestError(KeeptrustsError):
    """Bytes that we do not take for a request: the status to answer with before the connection is closed."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request, read whole.

    Args:
        headers: Names in lower case; values as ISO 8859-1, for they are bytes.
        keep_alive: Whether another request may follow on the connection.
        http10: The client speaks HTTP/1.0, so it cannot be answered in chunks.
        oversized: The body was larger than allowed; reading stopped, and the connection must be closed.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    keep_alive: bool = True
    http10: bool = False
    oversized: bool = False

    def header(self, name: str) -> str | None:
        """The first field of this (lower-case) name."""
        return next((value for field, value in self.headers if field == name), None)


class RequestReader:
    """
    A connection's incoming side.

    Args:
        max_body_bytes: Asked once for each request, so that a reload counts from the next one on.
    """

    def __init__(self, max_body_bytes: Callable[[], int], max_head_bytes: int = MAX_HEAD_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_head = max_head_bytes
        self._buffer = bytearray()
        self._message: _Message | None = None
        self._parser: HttpRequestParser | None = None
        self._overrun = False

    @property
    def is_idle(self) -> bool:
        """Between requests, with nothing of the next one here."""
        return self._message is None and not self._buffer

    @property
    def is_in_head(self) -> bool:
        """A request has begun and its head is not complete."""
        return self._message is None and bool(self._buffer)

    @property
    def buffered(self) -> int:
        """Bytes received and not yet read."""
        return len(self._buffer)

    @property
    def held(self) -> int:
        """Bytes kept of requests that are not complete, read or not."""
        return len(self._buffer) + (self._message.received if self._message is not None else 0)

    def new_head(self) -> Request | None:
        """The head of a request whose body is still to come; each once."""
        message = self._message
        if message is None or message.was_seen:
            return None
        message.was_seen = True
        return message.request(close=False)

    @property
    def wants_continue(self) -> bool:
        """The client waits for `100 Continue` before it sends the body; true only once for a request."""
        message = self._message
        if message is None or not message.expects_continue:
            return False
        message.expects_continue = False
        return True

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Request | None:
        """
        The next complete request; None until more bytes are here.

        Raises:
            RefusedRequestError: Answer with its status and close; nothing after it can be read.
        """
        if self._message is None and not self._begin():
            return None
        message = self._message
        assert message is not None
        if not message.complete and not message.oversized:
            self._read_body(message)
        if not message.complete and not message.oversized:
            return None
        self._message = None
        return message.request(close=self._overrun)

    def _begin(self) -> bool:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request are ignored
            del buffer[:2]
        end = buffer.find(_END)
        if (end if end >= 0 else len(buffer)) > self._max_head:
            raise RefusedRequestError(431, "headers_too_large", f"the headers exceed {self._max_head} bytes")
        if end < 0:
            return False
        head = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        self._message = message = _Message(self._max_body_bytes())
        self._parser = HttpRequestParser(message)
        self._parse(_without_upgrade(head))
        message.head_read(self._parser)
        return True

    def _read_body(self, message: _Message) -> None:
        buffer = self._buffer
        if not buffer:
            return
        taken = len(buffer) if message.chunked else min(len(buffer), message.missing)
        data = bytes(buffer[:taken])
        del buffer[:taken]
        self._parse(data)
        message.fed += taken
        if message.fed - message.received > self._max_head + 8 * message.received:
            raise RefusedRequestError(400, "bad_request", "the body is nearly all chunk headers and trailers")

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None
        assert self._message is not None
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:  # `Upgrade` fields are taken out before, so this is CONNECT
            raise RefusedRequestError(400, "bad_request", "this is no proxy: send the request itself") from None
        except HttpParserError:
            if not self._message.complete:
                raise RefusedRequestError(400, "bad_request", "the request is not valid HTTP/1.1") from None
        # A chunked body ends where only the parser knows; what it read of the next request is not trusted.
        self._overrun = self._message.overrun


class _Message:
    """What llhttp calls as it reads one message."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body = max_body_bytes
        self._headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._begun = False
        self._in_body = False
        self._target = b""
        self._length = 0
        self._method = ""
        self._keep_alive = True
        self._http10 = False
        self.received = 0
        self.chunked = False
        self.expects_continue = False
        self.fed = 0
        self.complete = False
        self.overrun = False
        self.oversized = False
        self.was_seen = False

    @property
    def missing(self) -> int:
        """Bytes of a body of known length that are not here yet."""
        return self._length - self.received

    def head_read(self, parser: HttpRequestParser) -> None:
        """Settle what only the parser knows, when it has read the head."""
        self._method = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        self._http10 = version == "1.0"
        words = {
            word.strip().lower() for name, value in self._headers if name == "connection" for word in value.split(",")
        }
        # llhttp forgets its own answer to this as soon as it has read a message to its end.
        self._keep_alive = "keep-alive" in words if self._http10 else "close" not in words
        if version not in {"1.0", "1.1"}:
            raise RefusedRequestError(505, "http_version", "this server speaks HTTP/1.1")
        codings = [value.strip().lower() for name, value in self._headers if name == "transfer-encoding"]
        if codings not in ([], ["chunked"]):
            raise RefusedRequestError(501, "transfer_encoding", "`transfer-encoding` may be `chunked` or absent")
        hosts = sum(name == "host" for name, _ in self._headers)
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise RefusedRequestError(400, "bad_request", "there must be one `host` header")

    def request(self, *, close: bool) -> Request:
        return Request(
            self._method,
            self._target.decode("latin-1"),
            tuple(self._headers),
            b"".join(self._pieces),
            keep_alive=self._keep_alive and not close and not self.oversized,
            http10=self._http10,
            oversized=self.oversized,
        )

    def on_message_begin(self) -> None:
        self.overrun = self._begun
        self._begun = True

    def on_url(self, url: bytes) -> None:
        if not self.complete:
            self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body or self.complete:
            return
        field = name.decode("latin-1").lower()
        self._headers.append((field, value.decode("latin-1")))
        if field == "content-length":
            self._length = int(value)
        elif field == "transfer-encoding":
            self.chunked = True
        elif field == "expect":
            self.expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._in_body = True
        self.oversized = self.oversized or self._length > self._max_body
        self.expects_continue = self.expects_continue and not self.oversized

    def on_body(self, piece: bytes) -> None:
        if self.complete:
            return
        self.received += len(piece)
        self.oversized = self.oversized or self.received > self._max_body
        if not self.oversized:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self.complete = True


def _without_upgrade(head: bytes) -> bytes:
    """A client may offer another protocol; we do not take it up (RFC 9110, 7.8), and llhttp would stop reading."""
    if b"\nupgrade:" not in head.lower():
        return head
    return b"\r\n".join(line for line in head.split(b"\r\n") if not _is_upgrade(line))


def _is_upgrade(line: bytes) -> bool:
    """With nothing else on the same line: a field behind a bare line feed would go unseen."""
    return line.lower().startswith(b"upgrade:") and b"\n" not in line and b"\r" not in line
