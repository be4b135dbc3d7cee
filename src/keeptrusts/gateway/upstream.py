"""
The client side: HTTP/1.1 connections to providers, pooled by address, read in pieces with back-pressure.

TLS is verified against the system's authorities (or `SSL_CERT_FILE`). A connection that had gone stale in the pool is
replaced once, and only when nothing of an answer had come.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from httptools import HttpParserError, HttpResponseParser

from keeptrusts.core.errors import (
    UpstreamGarbledError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from keeptrusts.flow.effects import Headers, UpstreamHead
from keeptrusts.gateway.proxies import Proxy, tunnel

R = TypeVar("R")

HIGH_WATER: Final = 256 * 1024
MAX_IDLE_SECONDS: Final = 45.0
MAX_IDLE_CONNECTIONS: Final = 256
MAX_HEAD_BYTES: Final = 64 * 1024
_HUNG_UP: Final = "the provider closed the connection before its answer was complete"


@dataclass(frozen=True, slots=True)
class Origin:
    """
    Where connections of one pool lead.

    Args:
        proxy: None for a direct way.
        address: Dialled instead of what the name leads to; the certificate must still be for the name.
    """

    host: str
    port: int
    tls: bool
    proxy: Proxy | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `first_byte` counts from the request's last byte, `total` from its first."""

    connect: float = 10.0
    first_byte: float = 120.0
    total: float = 300.0


class UpstreamConnection(asyncio.Protocol):
    """One connection; carries one exchange at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.lost = False
        self.idle_since = 0.0
        self.reused = False
        self._waiter: asyncio.Future[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._head_bytes = 0
        self._framed = False
        self._has_head = False
        self._keeps_alive = False
        self._status = 0
        self._complete = False
        self._failure: Exception | None = None
        self._paused = False
        self.silent = True
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def start(self, request: bytes) -> None:
        """Send a request; the answer is awaited with `head` and `read`."""
        self._reset()
        self.busy = True
        if self.lost or self.transport.is_closing():  # hung up since it was dialled; uvloop forbids writing then
            self._fail(UpstreamLostError(_HUNG_UP))
        else:
            self.transport.write(request)

    async def head(self, deadline: float) -> UpstreamHead:
        """The status and headers. Raises `UpstreamLostError`, `UpstreamTimeoutError`, `UpstreamGarbledError`."""
        while not self._has_head:
            self._raise_failure()
            await self._wait(deadline, "the provider sent no answer in time")
        return UpstreamHead(self._status, tuple(self._headers))

    async def read(self, deadline: float) -> bytes:
        """What has come of the body; empty at its end. Raises as `head` does."""
        while not self._pieces:
            if self._complete:
                return b""
            self._raise_failure()
            await self._wait(deadline, "the provider's answer was not complete in time")
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return data

    def is_reusable(self) -> bool:
        """Whether the answer is read to its end and the provider keeps the connection."""
        return self._complete and not self._pieces and self._framed and not self.lost and self._keeps_alive

    async def _wait(self, deadline: float, message: str) -> None:
        self._waiter = waiter = self._loop.create_future()
        handle = self._loop.call_at(deadline, _expire, waiter, message)
        try:
            await waiter
        finally:
            handle.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _fail(self, failure: Exception) -> None:
        if self._failure is None and not self._complete:
            self._failure = failure
        self._wake()

    def data_received(self, data: bytes) -> None:
        if not self.busy:  # nobody asked: whatever it is, it is not the answer to the next request
            self.transport.abort()
            return
        self.silent = False
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            if not self._complete:
                self._fail(UpstreamGarbledError("the provider's answer is not valid HTTP/1.1"))
            self.transport.abort()
            return
        if not self._has_head and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(UpstreamGarbledError("the head of the provider's answer is too large"))
            self.transport.abort()
        if self._buffered > HIGH_WATER and not self._paused and not self._complete:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._has_head and not self._framed and exc is None and self._failure is None:
            self._complete = True  # without a length, the end of the connection is the end of the body
        self._fail(UpstreamLostError(_HUNG_UP))

    def pause_writing(self) -> None:
        """A request is one write; there is nobody to hold back."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def on_message_begin(self) -> None:
        if self._complete:
            self._keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return
        field = name.decode("latin-1").lower()
        self._headers.append((field, value.decode("latin-1")))
        self._framed = self._framed or field in {"content-length", "transfer-encoding"}

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._headers.clear()
            self._framed = False
            return
        self._status = status
        self._framed = self._framed or status in {204, 304}
        self._keeps_alive = self._parser.should_keep_alive()
        self._has_head = True

    def on_body(self, piece: bytes) -> None:
        if self._complete:  # of an answer that nobody asked for
            return
        self._pieces.append(piece)
        self._buffered += len(piece)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._complete = True


class Pool:
    """Connections kept open between requests, for every origin."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._idle: dict[Origin, deque[UpstreamConnection]] = {}

    async def exchange(
        self, origin: Origin, request: bytes, timeouts: Timeouts
    ) -> tuple[UpstreamConnection, UpstreamHead, float]:
        """
        Send a request and wait for the head of its answer.

        Returns:
            The connection, the head, and the time on the loop's clock at which the whole exchange must be over.

        Raises:
            UpstreamUnreachableError: No connection could be made; nothing was sent.
            UpstreamTimeoutError: Connected, no head in time.
            UpstreamLostError: It hung up before a head came.
            UpstreamGarbledError: It sent what is not HTTP/1.1.
        """
        total = self._loop.time() + timeouts.total
        connection = self._take(origin) or await self._connect(origin, min(timeouts.connect, timeouts.total))
        try:
            try:
                return connection, await self._ask(connection, request, timeouts, total), total
            except UpstreamLostError:
                if not (connection.reused and connection.silent):
                    raise
            connection = await self._connect(origin, min(timeouts.connect, timeouts.total))
            return connection, await self._ask(connection, request, timeouts, total), total
        except BaseException:
            connection.transport.abort()
            raise

    async def _ask(
        self, connection: UpstreamConnection, request: bytes, timeouts: Timeouts, total: float
    ) -> UpstreamHead:
        connection.start(request)
        return await connection.head(min(self._loop.time() + timeouts.first_byte, total))

    def give_back(self, origin: Origin, connection: UpstreamConnection) -> None:
        """The exchange is over: keep the connection when it can serve again, else close it."""
        idle = self._idle.setdefault(origin, deque())
        if not connection.is_reusable() or len(idle) >= MAX_IDLE_CONNECTIONS:
            connection.transport.abort()
            return
        connection.busy = False
        connection.idle_since = self._loop.time()
        idle.append(connection)

    def close(self) -> None:
        """Close what is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.transport.abort()
        self._idle.clear()

    def _take(self, origin: Origin) -> UpstreamConnection | None:
        idle = self._idle.get(origin)
        oldest = self._loop.time() - MAX_IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if not connection.lost and connection.idle_since > oldest and not connection.transport.is_closing():
                connection.reused = True
                return connection
            connection.transport.abort()
        return None

    async def _connect(self, origin: Origin, seconds: float) -> UpstreamConnection:
        try:
            return await asyncio.wait_for(self._dial(origin), seconds)
        except TimeoutError:
            raise UpstreamUnreachableError(f"no connection to `{origin.host}` in {seconds:g} seconds") from None
        except ssl.SSLError as failed:
            reason = failed.verify_message if isinstance(failed, ssl.SSLCertVerificationError) else "handshake failed"
            raise UpstreamUnreachableError(f"no trusted TLS connection to `{origin.host}`: {reason}") from None
        except OSError as failed:
            reason = failed.strerror or type(failed).__name__
            raise UpstreamUnreachableError(f"no connection to `{origin.host}`: {reason}") from None

    async def _dial(self, origin: Origin) -> UpstreamConnection:
        context = self._tls() if origin.tls else None
        name = origin.host if origin.tls else None
        loop = self._loop
        proxy = origin.proxy
        if proxy is None:
            where = origin.address or origin.host
            _, direct = await loop.create_connection(
                lambda: UpstreamConnection(loop), where, origin.port, ssl=context, server_hostname=name
            )
            return direct
        if not origin.tls:
            _, plain = await loop.create_connection(lambda: UpstreamConnection(loop), proxy.host, proxy.port)
            return plain
        return await self._through(proxy, origin)

    async def _through(self, proxy: Proxy, origin: Origin) -> UpstreamConnection:
        transport = await tunnel(self._loop, proxy, origin.host, origin.port)
        connection = UpstreamConnection(self._loop)
        secured = await _or_abort(
            self._loop.start_tls(transport, connection, self._tls(), server_hostname=origin.host), transport
        )
        connection.transport = cast("asyncio.Transport", secured)
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context


async def _or_abort(work: Awaitable[R], transport: asyncio.Transport) -> R:
    try:
        return await work
    except BaseException:
        transport.abort()
        raise


def _expire(waiter: asyncio.Future[None], message: str) -> None:
    if not waiter.done():
        waiter.set_exception(UpstreamTimeoutError(message))


def request_bytes(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    """
    A whole request.

    Raises:
        ValueError: A field or the target holds a line break.
    """
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)))
    if head.count("\n") != len(headers):
        raise ValueError("a header field holds a line break")
    return b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head.encode("latin-1"), len(body), body)
