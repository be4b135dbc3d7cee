"""
Names of hosts that somebody else has named, looked up on threads of their own.

A lookup cannot be called off: who stops waiting leaves a thread behind. The loop has four for its own connections, and
names that nobody answers for would keep all of them. So these here have others, few, and a place is free when a thread
has ended.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

AT_A_TIME: Final = 8


def _found(host: str, port: int) -> list[str]:
    return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Names:
    """
    Args:
        most: Threads at a time.
        look_up: Blocks; the addresses of a host, or an `OSError`.
    """

    def __init__(self, most: int = AT_A_TIME, look_up: Callable[[str, int], list[str]] = _found) -> None:
        self._free = asyncio.Semaphore(most)
        self._look_up = look_up

    async def addresses(self, host: str, port: int) -> list[str]:
        """
        All of a host.

        Raises:
            OSError, ValueError: There are none, or it is no name.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str]] = loop.create_future()

        def look_up() -> None:
            outcome: list[str] | Exception
            try:
                outcome = self._look_up(host, port)
            except (OSError, ValueError) as failed:
                outcome = failed
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._end, found, outcome)

        threading.Thread(target=look_up, name="names", daemon=True).start()
        return await found

    def _end(self, found: asyncio.Future[Any], outcome: list[str] | Exception) -> None:
        self._free.release()
        if found.done():
            return
        if isinstance(outcome, Exception):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)
