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
from typing import TYPE_CHECKING, Final, cast

from keeptrusts.core.errors import ClientGoneError
from keeptrusts.flow.effects import Headers
from keeptrusts.gateway.requests import RefusedRequestError, Request
from keeptrusts.gateway.responses import LAST_CHUNK, chunk, error_response, head, lacks_body

if TYPE_CHECKING:
    from keeptrusts.gateway.listening import Server

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

    def hold(self, count: int) -> bool:
        """Count so many more bytes as held for this request; whether there is room for them."""
        return self._connection.hold(count)

    async def end(self) -> None:
        self.ended = True
        if self._chunked and not self._bodiless:
            await self._connection.write(LAST_CHUNK)

    def _settle(self) -> None:
        if self.started:
            raise RuntimeError("an answer was begun twice")
        self.started = True
        self.keep_alive = self.keep_alive and not self._connection.is_draining


Vet = Callable[[Request, str], tuple[int, Headers, bytes] | None]
"""Looks at a head (and the peer's address) whose body is still to come: the answer that refuses it, or None."""

Handler = Callable[[Request, Responder, str], Awaitable[None]]
"""Answers one request; the last argument is the peer's address."""


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self._reader = server.make_reader()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._reading = True
        self._since = self._loop.time()
        self._closing_since: float | None = None
        self._stalled_since: float | None = None
        self._lost = False
        self._peer = ""
        self._serving = 0
        self._counted = 0

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
        self._count()

    def eof_received(self) -> bool:
        # A client that has closed its side is taken to be gone, as most servers do.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost = True
        self._server.forget(self)
        self._server.held_bytes -= self._counted
        self._counted = 0
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

    def hold(self, count: int) -> bool:
        """Count so many more bytes until the request at hand is over; whether there is room for them."""
        self._serving += count
        self._count()
        return self._server.has_room_for(self._counted)

    def _count(self) -> None:
        if not self._lost:
            held = self._reader.held + self._serving
            self._server.held_bytes += held - self._counted
            self._counted = held

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
        if not self.hold(len(request.body) if request is not None else 0):
            self._answer_and_close(*_overloaded())
        elif request is not None:
            self._task = self._loop.create_task(self._serve(request))
        elif self._is_let_in() and self._reader.wants_continue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _is_let_in(self) -> bool:
        """Look at a head when its body is still to come: whoever is refused need not send it."""
        head = self._reader.new_head()
        refusal = self._server.vet(head, self._peer) if head is not None else None
        if refusal is not None:
            self._answer_and_close(*refusal)
        return refusal is None

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
        self._serving = 0
        self._count()
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
        self._answer_and_close(refused.status, *error_response(refused.code, str(refused)))

    def _answer_and_close(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer without a task, forget what came of the request, and read no other."""
        fields = (*headers, ("content-length", str(len(body))))
        self._transport.write(head(status, fields, keep_alive=False) + body)
        self._reader = self._server.make_reader()
        self._serving = 0
        self._count()
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


def _overloaded() -> tuple[int, Headers, bytes]:
    headers, body = error_response("overloaded", "too much is being received at a time; try again", 503)
    return 503, (*headers, ("retry-after", "1")), body
