"""
Keeps events as long as `audit-logger` says, and no longer.

What counts is the current document of the configuration that an event was decided under. Deleting is paced, so that it
holds nobody up; a checkpoint then says, signed, below which id retention has been at work.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from keeptrusts.control.services import Services
from keeptrusts.core.errors import InputError
from keeptrusts.policy.compiled import Audit
from keeptrusts.policy.document import compile_document
from keeptrusts.store.events import Events
from keeptrusts.store.retention import bound, documents, forget
from keeptrusts.store.tables import organisations
from keeptrusts.store.trail import Trail

log = logging.getLogger("keeptrusts.control")

EVERY_S: Final = 600.0
BATCH: Final = 1000
NOTHING: Final = ""
"""Below every id. How long is not known, so nothing is deleted: what is kept too long can still go."""
PAUSE_S: Final = 0.2
"""Between two batches: on SQLite others write in it."""


async def watch(services: Services) -> None:
    """Look every ten minutes."""
    while True:
        for org in await run_in_threadpool(_organisations, services):
            gone = 0
            while (count := await run_in_threadpool(forget_some, services, org)) > 0:
                gone += count
                await asyncio.sleep(PAUSE_S)
            if gone:
                await run_in_threadpool(seal, services, org)
                log.info("events were deleted", extra={"fields": {"organisation": org, "count": gone}})
        await asyncio.sleep(EVERY_S)


def forget_some(services: Services, org: str, *, batch: int = BATCH) -> int:
    """One batch; how many were deleted."""
    bounds, otherwise = _bounds(services, org)
    with services.store.write() as tx:
        sealed = Trail(tx.connection, org).head().cursor
        return forget(tx.connection, org, bounds, otherwise, sealed, limit=batch)


def seal(services: Services, org: str) -> None:
    """Say, signed, below which id events were deleted that were to be deleted."""
    bounds, otherwise = _bounds(services, org)
    key = services.signer.key()
    with services.store.write() as tx:
        trail = Trail(tx.connection, org)
        trail.wait_to_seal()
        upto = Events(tx.connection, org).now()
        trail.seal(key, upto, at=tx.now, deleted_before=max((otherwise, *bounds.values())))


def _organisations(services: Services) -> list[str]:
    with services.store.read() as tx:
        return list(tx.connection.execute(select(organisations.c.id)).scalars())


def _bounds(services: Services, org: str) -> tuple[dict[str, str], str]:
    with services.store.read() as tx:
        texts, now = documents(tx.connection, org), tx.now
    kept = {name: _hours(text) for name, text in texts.items()}
    bounds = {name: NOTHING if hours is None else _lowest(now, hours) for name, hours in kept.items()}
    return bounds, _lowest(now, Audit().retention_hours)


def _lowest(now: datetime, hours: int) -> str:
    return bound(now - timedelta(hours=hours))


@lru_cache(maxsize=1024)
def _hours(policy_yaml: str) -> int | None:
    """What a document says; None of one that does not lint any more, since a version grew stricter."""
    try:
        return compile_document(policy_yaml).audit.retention_hours
    except InputError:
        return None
