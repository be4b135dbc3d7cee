"""Seals what came in: a checkpoint for each organisation once a minute, or sooner when much came."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from keeptrusts.control.services import Services
from keeptrusts.store.events import Events
from keeptrusts.store.tables import organisations
from keeptrusts.store.trail import LARGEST, Trail
from keeptrusts.store.transaction import Tx
from keeptrusts.store.webhooks import wanted_types
from keeptrusts.trail.checkpoints import digest_of

LOOK_EVERY_S: Final = 5.0
SEALED_AFTER: Final = timedelta(seconds=60)
SEALED: Final = "trail.sealed"
SEALED_AT: Final = 5_000
"""So many events are not left for the minute to pass."""


async def watch(services: Services) -> None:
    """Seal what is due, for ever; any number of replicas may."""
    while True:
        await run_in_threadpool(services.signer.refresh)
        await run_in_threadpool(look, services)
        await asyncio.sleep(LOOK_EVERY_S)


def look(services: Services, *, at_once: bool = False) -> int:
    """Once over every organisation; how many checkpoints were made. `at_once`: without waiting for the minute."""
    with services.store.read() as tx:
        orgs = tx.connection.execute(select(organisations.c.id)).scalars().all()
        due = [org for org in orgs if _is_due(tx, org, at_once=at_once)]
    made = 0
    for org in due:
        key = services.signer.key()
        with services.store.events.write() as tx:
            trail = Trail(tx.connection, org)
            # another replica may have sealed it since it was found to be due
            if not trail.may_seal() or not _is_due(tx, org, at_once=at_once):
                continue
            upto = Events(tx.connection, org).now()
            made += 1
            while trail.seal(key, upto, at=tx.now) == LARGEST:
                made += 1
            _tell(services, tx, org)
    return made


def _tell(services: Services, tx: Tx, org: str) -> None:
    """Whoever is told keeps a head that nobody can take back in the database."""
    with services.store.beside(tx) as main:
        if not wanted_types(main.connection, org, [SEALED]):
            return
    (newest,) = Trail(tx.connection, org).page(before=None, limit=1)
    tx.publish(org, SEALED, {**newest, "digest": digest_of(newest["payload"])})


def _is_due(tx: Tx, org: str, *, at_once: bool) -> bool:
    upto, trail = Events(tx.events, org).now(), Trail(tx.events, org)
    since = trail.waits_since(upto)
    if since is None:
        return False
    return at_once or since + SEALED_AFTER <= tx.now or trail.many_wait(upto, SEALED_AT)
