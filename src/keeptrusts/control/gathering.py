"""
Group commit: batches of events that wait at the same time share a transaction.

A sync to disk and a dozen round trips cost the same for a hundred events as for a thousand. Whoever finds a free lane
commits at once, alone; whoever does not is taken along by the next one that does. So nobody waits for company, and the
busier the server is, the less an event costs. No answer goes out before the commit of the transaction it is in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keeptrusts.api.runtime import EventReceipt
from keeptrusts.control.ingest import Batch, Part, take_in
from keeptrusts.control.problem import RETRY_AFTER_S, ProblemError
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.transaction import Store

if TYPE_CHECKING:
    from keeptrusts.control.auth import Actor  # it finds callers in the services, of which this is one

MOST_EVENTS: Final = 2000
"""In one transaction, unless one batch has more."""
LANES: Final = 3
"""While one waits for the disk, another sends its rows, and a third is made. SQLite has one writer."""
THREADS: Final = 32
"""In which batches are read and wait. A flood of batches does not take those of other requests."""
MOST_HELD_BYTES: Final = 128 * 1024 * 1024
"""Bodies that wait for a thread or are being stored. A database that hangs must not fill the memory with batches, which
their gateways have given up and sent again long before."""


@dataclass(slots=True, eq=False)
class _Waiting:
    part: Part
    leads: bool = False
    turn: threading.Event = field(default_factory=threading.Event)
    receipt: EventReceipt | None = None
    failure: Exception | None = None


class Gathering:
    """
    Takes batches in. Safe to use from any thread; `threads` are meant for it.

    Args:
        told: Called with the organisation whose events have become durable.
    """

    def __init__(self, store: Store, told: Callable[[str], None]) -> None:
        self._store = store
        self._told = told
        self._lock = threading.Lock()
        self._free = 1 if is_sqlite(store.events.engine) else LANES
        self._queue: list[_Waiting] = []
        self._held_bytes = 0
        self.threads = ThreadPoolExecutor(THREADS, "ingest")

    @contextmanager
    def room(self, size_bytes: int) -> Iterator[None]:
        """
        For a body, until the block ends. Nobody waits for it.

        Raises:
            ProblemError: 503 `busy`: what is there already has to be stored first.
        """
        with self._lock:
            if self._held_bytes + size_bytes > MOST_HELD_BYTES:
                detail = "as many events wait to be stored as fit; nothing of this batch was stored, send it again"
                raise ProblemError(503, "busy", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
            self._held_bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._held_bytes -= size_bytes

    def take_in(self, actor: Actor, batch: Batch) -> EventReceipt:
        """
        Store a batch. Events that were there already, or twice in the batch, are `duplicates`.

        Raises:
            StoreUnavailableError: Nothing of it was stored.
        """
        mine = _Waiting(Part(actor, batch))
        with self._lock:
            mine.leads = self._free > 0
            if mine.leads:
                self._free -= 1
            else:
                self._queue.append(mine)
        if not mine.leads:
            mine.turn.wait()
        if mine.leads:
            self._lead(mine)
        if mine.failure is not None:
            raise mine.failure
        assert mine.receipt is not None
        return mine.receipt

    def _lead(self, mine: _Waiting) -> None:
        group = [mine, *self._company(mine)]
        try:
            self._commit(group)
        finally:
            self._pass_on()
            for one in group:
                one.turn.set()

    def _company(self, mine: _Waiting) -> list[_Waiting]:
        """Who waits and is of the same organisation, the first first, as long as there is room."""
        found: list[_Waiting] = []
        size = len(mine.part.batch.good)
        with self._lock:
            for one in self._queue:
                size += len(one.part.batch.good)
                if size > MOST_EVENTS:
                    break
                if one.part.actor.org == mine.part.actor.org:
                    found.append(one)
            self._queue = [one for one in self._queue if one not in found]
        return found

    def _pass_on(self) -> None:
        """The lane goes to whoever has waited longest."""
        with self._lock:
            if not self._queue:
                self._free += 1
                return
            heir = self._queue.pop(0)
        heir.leads = True
        heir.turn.set()

    def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            receipts = self._take_in([one.part for one in group])
        except StoreUnavailableError as failed:
            for one in group:
                one.failure = failed
        except Exception as failed:  # noqa: BLE001  it may be the fault of one: the others are not to pay for it
            self._commit_each(group, failed)
        else:
            for one, receipt in zip(group, receipts, strict=True):
                one.receipt = receipt

    def _commit_each(self, group: Sequence[_Waiting], failed: Exception) -> None:
        if len(group) == 1:
            group[0].failure = failed
            return
        for one in group:
            self._commit([one])

    def _take_in(self, parts: Sequence[Part]) -> list[EventReceipt]:
        org = parts[0].actor.org
        return take_in(self._store, org, parts, lambda: self._told(org))
