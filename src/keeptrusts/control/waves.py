"""
Brings a change to the gateways that wait for it, some at a time and in the order they are named.

Ten thousand that are woken at once would be answered when the last of them has asked, and nobody else meanwhile. Of
several changes each has its turn, so that one gateway does not wait for another's ten thousand.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from keeptrusts.control.bundles import AT_ONCE, Bundles
from keeptrusts.control.hub import Hub, gateway_topic

SLICE: Final = min(100, AT_ONCE)
"""Gateways that are woken together, and share a query."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """Gateways that were woken, and what they wait for."""

    gateways: Sequence[str] = ()
    answering: AbstractSet[asyncio.Task[None]] = frozenset()


class Waves:
    """Changes that are under way. Belongs to one event loop, but for `begin`."""

    def __init__(self, hub: Hub, bundles: Bundles) -> None:
        self._hub = hub
        self._bundles = bundles
        self._left: deque[deque[str]] = deque()
        self._queued: set[str] = set()
        self._told: dict[str, int] = {}
        self._running: asyncio.Task[None] | None = None

    def begin(self, gateway_ids: Iterable[str]) -> None:
        """What they are to run is another now, and forgotten. From any thread."""
        self._hub.call(self._begin, list(gateway_ids))

    @property
    def resting(self) -> bool:
        """Whether all were told."""
        return self._running is None or self._running.done()

    def take_told(self) -> dict[str, int]:
        """The epochs of gateways that were woken since this was asked last."""
        told, self._told = self._told, {}
        return told

    def _begin(self, gateway_ids: list[str]) -> None:
        topics = self._hub.topics()
        # who is still to be woken will ask for the newest
        waiting = deque(one for one in gateway_ids if one not in self._queued and gateway_topic(one) in topics)
        if waiting:
            self._queued.update(waiting)
            self._left.append(waiting)
            if self.resting:
                self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """While some are signed for and answered, the database is asked for the next."""
        before = _Slice()
        while self._left or before.gateways:
            woken = await self._wake()
            if before.answering:
                await asyncio.wait(before.answering)
            self._told |= self._bundles.epochs(before.gateways)
            before = woken

    async def _wake(self) -> _Slice:
        if not self._left:
            return _Slice()
        wave = self._left.popleft()
        some = [wave.popleft() for _ in range(min(SLICE, len(wave)))]
        self._queued.difference_update(some)
        if wave:
            self._left.append(wave)
        self._hub.wake_here(map(gateway_topic, some))
        await asyncio.sleep(0)  # now all of them have asked
        return _Slice(some, self._bundles.answering())
