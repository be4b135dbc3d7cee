"""
Keeps events as long as `audit-logger` says, and no longer.

What counts is the current document of the configuration that an event was decided under. On PostgreSQL a day of which
nothing is kept goes as a whole; what is kept for a week or longer goes with its UTC day, so that this is the rule. The
rest is deleted in small batches, so that it holds nobody up. A checkpoint then says, signed, below which id retention
has been at work, for each configuration.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from keeptrusts.control.services import Services
from keeptrusts.core.errors import InputError
from keeptrusts.policy.compiled import Audit
from keeptrusts.policy.document import compile_document
from keeptrusts.store import partitions
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.events import Events
from keeptrusts.store.partitions import Kept
from keeptrusts.store.retention import bound, documents, forget
from keeptrusts.store.tables import organisations
from keeptrusts.store.trail import Deleted, Trail

log = logging.getLogger("keeptrusts.control")

EVERY_S: Final = 600.0
BATCH: Final = 1000
NOTHING: Final = ""
"""Below every id. How long is not known, so nothing is deleted: what is kept too long can still go."""
PAUSE_S: Final = 0.2
"""Between two batches: on SQLite others write in it."""
BY_THE_DAY: Final = timedelta(days=7)
"""What is kept as long as this, or longer, is kept until its day has gone."""


async def watch(services: Services) -> None:
    """Look every ten minutes."""
    while True:
        dropped = await run_in_threadpool(keep_partitions, services)
        for org in await run_in_threadpool(_organisations, services):
            gone = 0
            while (count := await run_in_threadpool(forget_some, services, org)) > 0:
                gone += count
                await asyncio.sleep(PAUSE_S)
            if gone or org in dropped:
                await run_in_threadpool(seal, services, org)
                log.info("events were deleted", extra={"fields": {"organisation": org, "count": gone}})
        await asyncio.sleep(EVERY_S)


def keep_partitions(services: Services) -> set[str]:
    """Make those of the days to come and drop those that are past; the organisations that had events in the latter."""
    make_partitions(services)
    dropped: set[str] = set()
    with _next_time():
        while (orgs := drop_partition(services)) is not None:
            dropped |= orgs
    return dropped


def make_partitions(services: Services) -> list[str]:
    """Those of today and of the days to come; the names of the new ones."""
    made: list[str] = []
    with _next_time(), services.store.events.write() as tx:
        made = partitions.make_ahead(tx.connection, tx.now.date())
    if made:
        log.info("partitions were made", extra={"fields": {"names": made}})
    return made


@contextmanager
def _next_time() -> Iterator[None]:
    """Nothing is lost without partitions: events go to the default one, and are deleted row by row."""
    try:
        yield
    except ProgrammingError:
        log.warning("this role may not make and drop partitions; have it own the table `events`")
    except StoreUnavailableError:
        log.warning("the partitions of `events` are in use or the database is away; they are looked at again later")


def drop_partition(services: Services) -> set[str] | None:
    """The oldest of which nothing is kept; the organisations that had events in it. None: there is none."""
    if is_sqlite(services.store.events.engine):
        return None
    bounds = {org: _bounds(services, org) for org in _organisations(services)}
    highest = max((max(otherwise, *each.values(), "") for each, otherwise in bounds.values()), default="")
    with services.store.events.write() as tx:
        sealed = {org: Trail(tx.connection, org).head().cursor for org in bounds}
        kept = {org: Kept(each, otherwise, sealed[org]) for org, (each, otherwise) in bounds.items()}
        return partitions.drop_past(tx.connection, kept, highest)


def forget_some(services: Services, org: str, *, batch: int = BATCH) -> int:
    """One batch; how many were deleted."""
    bounds, otherwise = _bounds(services, org)
    with services.store.events.write() as tx:
        sealed = Trail(tx.connection, org).head().cursor
        return forget(tx.connection, org, bounds, otherwise, sealed, limit=batch)


def seal(services: Services, org: str) -> None:
    """Say, signed, below which id events were deleted that were to be deleted."""
    bounds, otherwise = _bounds(services, org)
    key = services.signer.key()
    with services.store.events.write() as tx:
        trail = Trail(tx.connection, org)
        trail.wait_to_seal()
        upto = Events(tx.connection, org).now()
        trail.seal(key, upto, at=tx.now, deleted=Deleted(bounds, otherwise))


def _organisations(services: Services) -> list[str]:
    with services.store.read() as tx:
        return list(tx.connection.execute(select(organisations.c.id)).scalars())


def _bounds(services: Services, org: str) -> tuple[dict[str, str], str]:
    with services.store.read() as tx:
        texts, now = documents(tx.connection, org), tx.now
    by_day = not is_sqlite(services.store.events.engine)
    kept = {name: _hours(text) for name, text in texts.items()}
    bounds = {name: NOTHING if hours is None else _lowest(now, hours, by_day=by_day) for name, hours in kept.items()}
    return bounds, _lowest(now, Audit().retention_hours, by_day=by_day)


def _lowest(now: datetime, hours: int, *, by_day: bool) -> str:
    age = timedelta(hours=hours)
    moment = now - age
    if by_day and age >= BY_THE_DAY:
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return bound(moment)


@lru_cache(maxsize=1024)
def _hours(policy_yaml: str) -> int | None:
    """What a document says; None of one that does not lint any more, since a version grew stricter."""
    try:
        return compile_document(policy_yaml).audit.retention_hours
    except InputError:
        return None
