"""Ends escalations that nobody decided in time, and deletes what is held for approvals nobody redeemed."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.services import Services
from keeptrusts.store import escalations
from keeptrusts.store.escalations import Escalations

EVERY_S: Final = 2.0
AT_ONCE: Final = 200


async def watch(services: Services) -> None:
    """Look every two seconds; what nobody redeems or claims in between is refused by its time alone."""
    while True:
        while await run_in_threadpool(look, services) == AT_ONCE:
            pass
        await asyncio.sleep(EVERY_S)


def look(services: Services) -> int:
    """Once over every organisation; how many were overdue. Writes only where there is something to end."""
    with services.store.read() as tx:
        late = escalations.overdue(tx.connection, tx.database_now(), limit=AT_ONCE)
        holds = escalations.any_to_let_go(tx.connection, tx.database_now())
    for org, identifier in late:
        with services.store.write() as tx:
            ended = Escalations(tx.connection, org, services.sealer).expire(identifier, at=tx.database_now())
            if ended is not None:
                tx.publish(org, "escalation.expired", {**ended.shown})
    if holds:
        with services.store.write() as tx:
            escalations.let_go(tx.connection, tx.database_now())
    return len(late)
