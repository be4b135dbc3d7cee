"""
Wakes those who wait for a change: long polls for a bundle, tails of the events.

A commit in this process wakes at once; commits of other replicas are seen by `changing.watch`, which asks the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet


def gateway_topic(gateway_id: str) -> str:
    """What a long poll for this gateway's bundle waits for."""
    return f"gateway/{gateway_id}"


def events_topic(org: str) -> str:
    """What a tail of this organisation's events waits for."""
    return f"events/{org}"


class Hub:
    """Waiters by topic. Waiting belongs to one event loop; `wake` may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopped = False

    def start(self) -> None:
        """Called once, in the loop that serves."""
        self._loop = asyncio.get_running_loop()

    def topics(self) -> AbstractSet[str]:
        """What anybody waits for."""
        return self._waiting.keys()

    def expect(self, topic: str) -> asyncio.Future[None]:
        """A future that the next `wake(topic)` fulfils. Take it before looking, so that no change falls between."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(topic, set()).add(future)
        return future

    def leave(self, topic: str, future: asyncio.Future[None]) -> None:
        """Whoever took a future gives it back."""
        waiting = self._waiting.get(topic)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[topic]

    def wake(self, *topics: str) -> None:
        """From any thread."""
        self.call(self.wake_here, topics)

    def call(self, action: Callable[..., object], *given: object) -> None:
        """Have the loop do something, if it still runs. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, *given)

    def wake_here(self, topics: Iterable[str]) -> None:
        """In the loop itself."""
        for topic in topics:
            for future in self._waiting.get(topic, ()):
                if not future.done():
                    future.set_result(None)

    def stop(self) -> None:
        """Nobody waits any longer: the process ends."""
        self.stopped = True
        self.call(lambda: self.wake_here(tuple(self._waiting)))
