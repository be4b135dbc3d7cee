"""Notices what other replicas committed, with one cheap query every `EVERY_S`, and lets go of what is outdated."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import func, select

from keeptrusts.control.services import Services
from keeptrusts.store.tables import gateways
from keeptrusts.store.transaction import Store

EVERY_S: Final = 1.5


async def watch(services: Services) -> None:
    """Wake the long polls of gateways whose epoch rose, or that went, in another process."""
    known: dict[str, int] = {}
    state: tuple[int, int] | None = None
    while True:
        if services.hub.topics() or services.bundles.any_remembered():
            found = await run_in_threadpool(_state, services.store)
            if found != state:
                epochs = await run_in_threadpool(_epochs, services.store)
                known |= services.waves.take_told()
                services.gateways_changed(*(dict(known.items() ^ epochs.items())))
                known, state = epochs, found
        await asyncio.sleep(EVERY_S)


def _state(store: Store) -> tuple[int, int]:
    """Changes when any epoch does: epochs only rise."""
    with store.read() as tx:
        count, total = tx.connection.execute(select(func.count(), func.sum(gateways.c.epoch))).one()
    return count, int(total or 0)


def _epochs(store: Store) -> dict[str, int]:
    with store.read() as tx:
        rows = tx.connection.execute(select(gateways.c.id, gateways.c.epoch))
        return {row.id: row.epoch for row in rows}
