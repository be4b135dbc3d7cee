"""
The spool: decisions become durable here before their answers are complete.

One thread writes. Requests that are recorded at the same time share one fsync; the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeAlias

from keeptrusts.core.errors import SpoolFullError
from keeptrusts.gateway.journal import Event, Journal
from keeptrusts.trail.chain import Link

MAX_BATCH: Final = 512


class _Waiting(NamedTuple):
    event: Event
    done: asyncio.Future[None]


class _Errand(NamedTuple):
    run: Callable[[], None]
    done: asyncio.Future[None]


_Item: TypeAlias = _Waiting | _Errand | None
_Outcome: TypeAlias = tuple[asyncio.Future[None], Exception | None]


class Spool:
    """
    A journal with its thread. Made and used on one event loop.

    Args:
        journal: Belongs to the spool from now on.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[list[_Item]] = SimpleQueue()
        self._coming: list[_Item] = []
        self._closed = False
        self._published: tuple[Link, int, int, bool] = self._state()
        self.on_durable: Callable[[], None] = _nothing
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    @property
    def instance_id(self) -> str:
        return self._journal.instance_id

    @property
    def head(self) -> Link:
        """The newest record that is durable."""
        return self._published[0]

    @property
    def shipped(self) -> int:
        """Sequence up to which everything is durable elsewhere."""
        return self._published[1]

    @property
    def stored_bytes(self) -> int:
        return self._published[2]

    @property
    def has_room(self) -> bool:
        """Whether a record of common size would be taken now."""
        return self._published[3]

    def record(self, event: Event) -> asyncio.Future[None]:
        """
        Chain and store this event; the future is done when it is durable.

        Raises:
            SpoolFullError: From the future: it was not stored.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            done.set_exception(SpoolFullError("the gateway is shutting down"))
        else:
            self._put(_Waiting(event, done))
        return done

    async def mark_shipped(self, sequence: int) -> None:
        """Everything up to here may go."""
        await self._errand(lambda: self._journal.mark_shipped(sequence))

    async def admit(self, first: int, last: int, reason: str) -> None:
        """Write the record that says these sequences are lost."""
        await self._errand(lambda: self._journal.admit(first, last, reason))

    async def close(self) -> None:
        """Store what is waiting, then let the directory go."""
        if self._closed:
            return
        self._closed = True
        self._put(None)
        self._hand_over()
        await asyncio.to_thread(self._thread.join)
        self._journal.close()

    async def _errand(self, run: Callable[[], None]) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._put(_Errand(run, done))
        await done

    def _put(self, item: _Item) -> None:
        """
        Leave it to the thread at the end of this turn of the loop, with all that comes until then.

        Woken for each of them, the thread would ask for the interpreter in the middle of every other request.
        """
        if not self._coming:
            self._loop.call_soon(self._hand_over)
        self._coming.append(item)

    def _hand_over(self) -> None:
        if self._coming:
            items, self._coming = self._coming, []
            self._queue.put(items)

    def _state(self) -> tuple[Link, int, int, bool]:
        journal = self._journal
        return journal.head, journal.shipped, journal.stored_bytes, journal.has_room

    def _work(self) -> None:
        running = True
        while running:
            items = self._take()
            running = None not in items
            outcomes = self._store([item for item in items if isinstance(item, _Waiting)])
            outcomes += [self._run(item) for item in items if isinstance(item, _Errand)]
            self._loop.call_soon_threadsafe(self._publish, self._state(), outcomes)

    def _take(self) -> list[_Item]:
        items = self._queue.get()
        try:
            while len(items) < MAX_BATCH:
                items += self._queue.get_nowait()
        except Empty:
            pass
        return items

    def _store(self, waiting: Sequence[_Waiting]) -> list[_Outcome]:
        if not waiting:
            return []
        try:
            errors: Sequence[Exception | None] = self._journal.append([one.event for one in waiting])
        except Exception as bug:  # noqa: BLE001 - the thread must outlive it: no record, no answer
            errors = [bug] * len(waiting)
        return [(one.done, error) for one, error in zip(waiting, errors, strict=True)]

    @staticmethod
    def _run(errand: _Errand) -> _Outcome:
        try:
            errand.run()
        except Exception as failed:  # noqa: BLE001 - it is raised again where somebody waits
            return errand.done, failed
        return errand.done, None

    def _publish(self, state: tuple[Link, int, int, bool], outcomes: Sequence[_Outcome]) -> None:
        self._published = state
        for done, error in outcomes:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        self.on_durable()


def _nothing(*_: Any) -> None:
    """No one is listening."""
