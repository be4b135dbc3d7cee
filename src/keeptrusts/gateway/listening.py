"""The listening side: accepts connections, bounds what they hold, loses patience with them, and drains them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from keeptrusts.gateway.http1 import Connection, Handler, Patience, Vet
from keeptrusts.gateway.requests import MAX_HEAD_BYTES, Request, RequestReader

MAX_HELD_BYTES: Final = 256 * 1024 * 1024


def _let_in(head: Request, peer: str) -> None:
    del head, peer


class Server:
    """
    The listening side.

    Args:
        max_body_bytes: Asked for each request.
        vet: Refuses requests whose body is still to come; by default it lets all in.
        max_held_bytes: Of requests, over all connections.
    """

    def __init__(
        self,
        handle: Handler,
        max_body_bytes: Callable[[], int],
        *,
        patience: Patience | None = None,
        max_head_bytes: int = MAX_HEAD_BYTES,
        vet: Vet = _let_in,
        max_held_bytes: int = MAX_HELD_BYTES,
    ) -> None:
        self.vet = vet
        self.held_bytes = 0
        self._max_held_bytes = max_held_bytes
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

    def make_reader(self) -> RequestReader:
        return RequestReader(self.max_body_bytes, self.max_head_bytes)

    def has_room_for(self, own: int) -> bool:
        """Whether what is held is not too much; who alone holds it may have more."""
        return self.held_bytes <= self._max_held_bytes or self.held_bytes == own

    async def listen(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, shares_port: bool = False
    ) -> int:
        """
        Accept connections.

        Args:
            shares_port: Others listen there, too (`SO_REUSEPORT`), and the kernel spreads connections over them.

        Returns:
            The port, which is picked when 0 was asked for.

        Raises:
            OSError: It cannot be had.
        """
        self._server = await self.loop.create_server(
            lambda: Connection(self),
            host or None,
            port,
            backlog=2048,
            ssl=tls,
            ssl_handshake_timeout=self.patience.head if tls is not None else None,
            reuse_port=shares_port or None,
        )
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
