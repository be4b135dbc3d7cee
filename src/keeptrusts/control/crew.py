"""
Serves one queue of leased jobs: looks for what is due, claims it, and has each job served by a task of its own.

A task that fails leaves its lease to run out; one that is cancelled, because the process stops, hands it back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.hub import Hub
from keeptrusts.control.middleware import describe
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.jobs import Jobs, Lease, LeaseLostError
from keeptrusts.store.transaction import Store, Tx

log = logging.getLogger("keeptrusts.control")

POLL_S: Final = 1.0
"""How often what other replicas left, or what time made due, is looked for; what this process commits wakes at once."""

Clock = Callable[[Tx], datetime]
"""The time that decides what is due: the database's, unless a test brings another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """
    What is served, and how.

    Args:
        topic: Of the hub; wakes the crew.
        width: Jobs that are served at the same time.
        lease_for: Longer than a task ever takes between two renewals.
        serve: Does a job, renews its lease as it goes, and finishes it or puts it back.
        hand_back: Puts back, in a thread, a job that was cut short.
    """

    name: str
    topic: str
    width: int
    lease_for: timedelta
    serve: Callable[[Lease], Awaitable[None]]
    hand_back: Callable[[Lease], None]


class Crew:
    """The tasks of one worker."""

    def __init__(self, store: Store, hub: Hub, clock: Clock, queue: Queue) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._queue = queue
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        """Serve until cancelled; `prepare` comes before each look at the queue."""
        while True:
            woken = self._hub.expect(self._queue.topic)
            try:
                if prepare is not None:
                    await prepare()
                await self.step()
                await asyncio.wait([woken, *self._running], timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._hub.leave(self._queue.topic, woken)

    async def step(self) -> None:
        """Begin to serve what is due."""
        for lease in await run_in_threadpool(self.claim):
            task = asyncio.create_task(self._serve(lease))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Serve everything that is due now, and wait until it is done."""
        await self.step()
        while self._running:
            await asyncio.wait(set(self._running))
            await self.step()

    async def close(self) -> None:
        """Cut short what is being done."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def claim(self) -> list[Lease]:
        """As many due jobs as there is room for. A look that finds nothing writes nothing."""
        room = self._queue.width - len(self._running)
        with self._store.read() as tx:
            if room <= 0 or not Jobs(tx.connection, self._queue.name).any_due(self._clock(tx)):
                return []
        with self._store.write() as tx:
            jobs = Jobs(tx.connection, self._queue.name)
            return jobs.claim(self._clock(tx), limit=room, lease_for=self._queue.lease_for)

    async def _serve(self, lease: Lease) -> None:
        try:
            await self._queue.serve(lease)
        except asyncio.CancelledError:
            with suppress(KeeptrustsError):  # else the lease runs out
                await run_in_threadpool(self._queue.hand_back, lease)
            raise
        except (LeaseLostError, StoreUnavailableError):
            pass  # somebody else has it now, or it was deleted; or the lease runs out, and the worker says what is away
        except Exception as bug:  # noqa: BLE001  the lease runs out and another attempt is made; others go on
            fields = {"queue": self._queue.name, "job": lease.id, **describe(bug)}
            log.error("job failed", extra={"fields": fields})  # noqa: TRY400  the traceback quotes values
