"""
The HTTP/1.1 server: connections that read requests in order and write each answer whole or in pieces.

A connection serves one request at a time. It keeps reading while it serves, so that a client that leaves is noticed and
its request cancelled; what a client sends ahead is bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from keeptrusts.core.errors import ClientGoneError
from keeptrusts.flow.effects import Headers
from keeptrusts.gateway.requests import MAX_HEAD_BYTES, RefusedRequestError, Request, RequestReader
from keeptrusts.gateway.responses import LAST_CHUNK, chunk, error_response, head, lacks_body

MAX_AHEAD_BYTES: Final = 256 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long a connection may keep us waiting, in seconds.

    Args:
        head: From the first byte of a request to the end of its head (slow loris).
        body: Without a byte of the body.
        idle: Between requests.
        write: For a client that does not read.
        linger: After an answer that came before the whole request, to let the client read it.
    """

    head: float = 10.0
    body: float = 30.0
    idle: float = 75.0
    write: float = 120.0
    linger: float = 2.0


class Responder:
    """The answer to one request. Every method raises `ClientGoneError` when nobody is there to get it."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self._bodiless = request.method == "HEAD"
        self._chunked = not request.http10
        self._http10 = request.http10
        self.keep_alive = request.keep_alive
        self.extra: Headers = ()
        """Fields that every answer to this request carries."""
        self.started = False
        self.ended = False

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer."""
        self._settle()
        content = b"" if self._bodiless or lacks_body(status) else body
        own = (*headers, *self.extra)
        fields = own if lacks_body(status) else (*own, ("content-length", str(len(body))))
        self.ended = True
        await self._connection.write(head(status, fields, keep_alive=self.keep_alive) + content)

    async def start(self, status: int, headers: Headers) -> None:
        """The head of an answer whose body follows. An HTTP/1.0 client is told its end by closing."""
        self.keep_alive = self.keep_alive and self._chunked
        self._settle()
        own = (*headers, *self.extra)
        fields = (*own, ("transfer-encoding", "chunked")) if self._chunked else own
        await self._connection.write(head(status, fields, keep_alive=self.keep_alive))

    async def send(self, data: bytes) -> None:
        """One piece; returns when the client can take more."""
        if data and not self._bodiless:
            await self._connection.write(chunk(data) if self._chunked else data)

    async def end(self) -> None:
        self.ended = True
        if self._chunked and not self._bodiless:
            await self._connection.write(LAST_CHUNK)

    def _settle(self) -> None:
        if self.started:
            raise RuntimeError("an answer was begun twice")
        self.started = True
        self.keep_alive = self.keep_alive and not self._connection.is_draining


Handler = Callable[[Request, Responder, str], Awaitable[None]]
"""Answers one request; the last argument is the peer's address."""


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self._reader = RequestReader(server.max_body_bytes, server.max_head_bytes)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._reading = True
        self._since = self._loop.time()
        self._closing_since: float | None = None
        self._stalled_since: float | None = None
        self._lost = False
        self._peer = ""

    @property
    def is_draining(self) -> bool:
        return self._server.is_draining

    @property
    def is_busy(self) -> bool:
        """A request is being served."""
        return self._task is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if name else ""
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._closing_since is not None:
            return
        now = self._loop.time()
        if self._reader.is_idle or not self._reader.is_in_head:
            self._since = now
        self._reader.feed(data)
        if self._task is None:
            self._advance()
        elif self._reader.buffered > MAX_AHEAD_BYTES:
            self._reading = False
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        # A client that has closed its side is taken to be gone, as most servers do.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost = True
        self._server.forget(self)
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()
        self._stalled_since = self._loop.time()

    def resume_writing(self) -> None:
        room, self._room, self._stalled_since = self._room, None, None
        if room is not None and not room.done():
            room.set_result(None)

    async def write(self, data: bytes) -> None:
        """Send; returns when there is room for more. Raises `ClientGoneError`."""
        if self._lost or self._transport.is_closing():
            raise ClientGoneError("the client left")
        self._transport.write(data)
        if self._room is not None:
            await asyncio.shield(self._room)
            if self._lost:
                raise ClientGoneError("the client left")

    def cancel(self) -> None:
        """Give up what is being served."""
        if self._task is not None:
            self._task.cancel()

    def close_if_idle(self) -> None:
        if self._task is None and self._closing_since is None:
            self._close()

    def check(self, now: float) -> None:
        """Lose patience where it is due."""
        patience = self._server.patience
        if self._closing_since is not None:
            if now - self._closing_since > patience.linger:
                self._transport.abort()
        elif self._stalled_since is not None:
            if now - self._stalled_since > patience.write:
                self._transport.abort()
        elif self._task is None:
            self._check_reading(now - self._since, patience)

    def _check_reading(self, waited: float, patience: Patience) -> None:
        if self._reader.is_idle:
            if waited > patience.idle:
                self._close()
        elif waited > (patience.head if self._reader.is_in_head else patience.body):
            self._refuse(RefusedRequestError(408, "request_timeout", "the request did not arrive in time"))

    def _advance(self) -> None:
        try:
            request = self._reader.next()
        except RefusedRequestError as refused:
            self._refuse(refused)
            return
        if request is not None:
            self._task = self._loop.create_task(self._serve(request))
        elif self._reader.wants_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _serve(self, request: Request) -> None:
        responder = Responder(self, request)
        try:
            await self._server.handle(request, responder, self._peer)
        except ClientGoneError:
            responder.keep_alive = False
        except Exception:  # noqa: BLE001 - a bug is answered and logged, and ends nobody else
            _log.exception("a request failed in the gateway itself")
            await self._fail(responder)
        finally:
            self._task = None
            self._finish(responder, unread=request.oversized)

    async def _fail(self, responder: Responder) -> None:
        if responder.started:
            self._transport.abort()
            return
        responder.keep_alive = False
        headers, body = error_response("internal_error", "the gateway failed; the request was not passed on")
        await responder.respond(500, headers, body)

    def _finish(self, responder: Responder, *, unread: bool) -> None:
        self._server.request_done()
        if self._lost or self._transport.is_closing():
            return
        if not responder.ended:
            self._transport.abort()
        elif unread:
            self._linger()
        elif not responder.keep_alive:
            self._close()
        else:
            self._since = self._loop.time()
            self._read_on()
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._task is None and self._closing_since is None and not self._lost:
            self._advance()

    def _refuse(self, refused: RefusedRequestError) -> None:
        headers, body = error_response(refused.code, str(refused))
        fields = (*headers, ("content-length", str(len(body))))
        self._transport.write(head(refused.status, fields, keep_alive=False) + body)
        self._linger()

    def _linger(self) -> None:
        """Close our side and read on for a while: a reset would take the answer away from the client."""
        self._closing_since = self._loop.time()
        self._read_on()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _read_on(self) -> None:
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()

    def _close(self) -> None:
        self._closing_since = self._loop.time()
        self._transport.close()


class Server:
    """
    The listening side.

    Args:
        max_body_bytes: Asked for each request.
    """

    def __init__(
        self,
        handle: Handler,
        max_body_bytes: Callable[[], int],
        *,
        patience: Patience | None = None,
        max_head_bytes: int = MAX_HEAD_BYTES,
    ) -> None:
        self.handle = handle
        self.max_body_bytes = max_body_bytes
        self.max_head_bytes = max_head_bytes
        self.patience = patience or Patience()
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.is_draining = False
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._quiet = asyncio.Event()

    async def listen(self, host: str, port: int) -> int:
        """Accept connections; returns the port, which is picked when 0 was asked for. Raises `OSError`."""
        self._server = await self.loop.create_server(lambda: Connection(self), host or None, port, backlog=2048)
        self._sweeper = self.loop.create_task(self._sweep())
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, finish what is in flight, and after so many seconds give the rest up."""
        self.is_draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.close_if_idle()
        if not await self._is_quiet_within(seconds):
            for connection in tuple(self.connections):
                connection.cancel()
            await self._is_quiet_within(5.0)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def request_done(self) -> None:
        self._quiet.set()

    async def _is_quiet_within(self, seconds: float) -> bool:
        until = self.loop.time() + seconds
        while any(connection.is_busy for connection in self.connections):
            left = until - self.loop.time()
            if left <= 0:
                return False
            self._quiet.clear()
            try:
                await asyncio.wait_for(self._quiet.wait(), left)
            except TimeoutError:
                return False
        return True

    async def _sweep(self) -> None:
        patience = self.patience
        tick = min(
            1.0, patience.head / 4, patience.body / 4, patience.idle / 4, patience.write / 4, patience.linger / 4
        )
        while True:
            await asyncio.sleep(tick)
            now = self.loop.time()
            for connection in tuple(self.connections):
                connection.check(now)
