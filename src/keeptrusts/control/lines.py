"""
A connection to an endpoint: one request over it, its answer, and then the next.

It reads of an answer what a courier needs: that it is HTTP and whole, its status, and when to come again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Final, TypeAlias, cast

import httptools

KEPT_OPEN: Final = 256
KEPT_OPEN_S: Final = 5.0
MOST_HEAD_BYTES: Final = 64 * 1024
MOST_BODY_BYTES: Final = 64 * 1024

Place: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


class NotHttpError(Exception):
    """What came is no answer of HTTP, or ended before it was whole."""


@dataclass(frozen=True, slots=True)
class Head:
    """Of an answer. `retry_after`: as the endpoint wrote it."""

    status: int
    retry_after: str | None


async def dial(address: str, port: int, tls: ssl.SSLContext | None, name: str) -> Line:
    """
    Connect to this very address.

    Args:
        name: Whom the certificate has to name.

    Raises:
        OSError: Nobody answers; or (SSLError) not in TLS, or with a certificate that nobody vouches for.
    """
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, address, port, ssl=tls, server_hostname=name if tls else None)
    return line


class Line(asyncio.Protocol):
    """A connection that is open. It is used by one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Head] | None = None
        self._usable = False
        self._fields: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._body_bytes = 0
        self._has_head = False

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._usable and self._waiting is None

    async def ask(self, request: bytes) -> Head:
        """
        Send a request, and wait until its answer is whole, or longer than anybody reads.

        Raises:
            NotHttpError: As it says.
            OSError: The connection was lost.
        """
        assert self._transport is not None
        self._fields = {}
        self._head_bytes = self._body_bytes = 0
        self._has_head = False
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """At once: nothing that is still to be sent matters."""
        self._usable = False
        if self._transport is not None:
            self._transport.abort()

    # what follows is called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._usable = True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.close()  # nothing was asked
            return
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(self._parser.get_status_code(), keep=False)
        except httptools.HttpParserError:
            self._fail(NotHttpError())
        if self._head_bytes > MOST_HEAD_BYTES and not self._has_head:
            self._fail(NotHttpError())

    def connection_lost(self, failed: Exception | None) -> None:
        self._usable = False
        if self._has_head and failed is None and self._fields.keys().isdisjoint(_BOUNDS):
            self._end(self._parser.get_status_code(), keep=False)  # its end is that of the connection
        else:
            self._fail(NotHttpError() if failed is None else failed)

    # and this by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > MOST_BODY_BYTES:
            self._end(self._parser.get_status_code(), keep=False)

    def on_message_begin(self) -> None:
        self._has_head = False
        if self._waiting is None or self._waiting.done():
            self.close()  # more than one answer

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._end(status, keep=self._parser.should_keep_alive())
        else:
            self._fields = {}  # what is said before the answer

    def _end(self, status: int, *, keep: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            told = self._fields.get(b"retry-after")
            waiting.set_result(Head(status, told.decode("latin-1") if told else None))
        if not keep:
            self.close()

    def _fail(self, failed: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(failed)
        self.close()


_BOUNDS: Final = frozenset({b"content-length", b"transfer-encoding"})


class Lines:
    """Those that wait for the next request to the same place, for a moment. Belongs to one event loop."""

    def __init__(self) -> None:
        self._idle: OrderedDict[int, tuple[Place, Line, float]] = OrderedDict()
        self._numbers: dict[Place, list[int]] = {}
        self._count = count()

    def take(self, place: Place) -> Line | None:
        """The one that was used last, if any still can be."""
        self._drop_old()
        while numbers := self._numbers.get(place):
            line = self._drop(numbers[-1])
            if line.usable:
                return line
        return None

    def keep(self, place: Place, line: Line) -> None:
        """After an answer."""
        if not line.usable:
            line.close()
            return
        number = next(self._count)
        self._idle[number] = (place, line, monotonic() + KEPT_OPEN_S)
        self._numbers.setdefault(place, []).append(number)
        if len(self._idle) > KEPT_OPEN:
            self._drop(next(iter(self._idle))).close()

    def close(self) -> None:
        """All of them."""
        while self._idle:
            self._drop(next(iter(self._idle))).close()

    def _drop_old(self) -> None:
        now = monotonic()
        while self._idle:
            number, (_, _, until) = next(iter(self._idle.items()))
            if until > now:
                return
            self._drop(number).close()

    def _drop(self, number: int) -> Line:
        place, line, _ = self._idle.pop(number)
        numbers = self._numbers[place]
        numbers.remove(number)
        if not numbers:
            del self._numbers[place]
        return line
