"""Says once that the database is away, and once that it is back, however many workers meet it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select, text

from keeptrusts.store.apart import databases_of
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.transaction import Store

log = logging.getLogger("keeptrusts.control")

PAUSE_S: Final = 2.0
STEADY_S: Final = 10.0
"""For so long no worker may fail again: a disk that is full can be read, and nothing is well yet."""


class Outage:
    """What the workers of one process know of it together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: float | None = None
        self._looking = asyncio.Lock()
        self._steady: asyncio.TimerHandle | None = None

    async def sit_out(self) -> None:
        """Wait until the database answers."""
        loop = asyncio.get_running_loop()
        if self._since is None:
            self._since = loop.time()
            log.warning("the database is away, full or busy; workers wait for it")
        if self._steady is not None:
            self._steady.cancel()
            self._steady = None
        async with self._looking:
            if self._steady is None:
                await self._look()
                self._steady = loop.call_later(STEADY_S, self._over, loop.time())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            if await run_in_threadpool(_answers, self._store):
                return

    def _over(self, back: float) -> None:
        if self._since is not None:
            log.info("the database is back", extra={"fields": {"away_seconds": round(back - self._since, 1)}})
        self._since = self._steady = None


def _answers(store: Store) -> bool:
    try:
        for each in databases_of(store):
            with each.read() as tx:
                tx.connection.execute(select(text("1")))
    except StoreUnavailableError:
        return False
    return True
