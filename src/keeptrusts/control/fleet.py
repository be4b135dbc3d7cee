"""Tells webhooks when a gateway's health changes: at once by its own report, within seconds when it falls silent."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from keeptrusts.control.services import Services
from keeptrusts.store.health import Health
from keeptrusts.store.tables import organisations
from keeptrusts.store.transaction import Store, Tx

EVERY_S: Final = 15.0


async def watch(services: Services) -> None:
    """Look for gateways that fell silent or drifted."""
    while True:
        await run_in_threadpool(look, services.store)
        await asyncio.sleep(EVERY_S)


def look(store: Store) -> None:
    """Once over every organisation; writes only where there is something to tell."""
    with store.read() as tx:
        orgs = tx.connection.execute(select(organisations.c.id)).scalars().all()
        pending = [(org, one) for org in orgs for one in Health(tx.connection, org).pending(at=tx.now)]
    for org, gateway_id in pending:
        with store.write() as tx:
            tell_health(tx, org, gateway_id)


def tell_health(tx: Tx, org: str, gateway_id: str) -> None:
    """Publish what is to be told of this gateway, if anything."""
    change = Health(tx.connection, org).tell(gateway_id, at=tx.now)
    if change is None:
        return
    shown = change.gateway
    told = {"id": shown["id"], "name": shown["name"], "status": shown["status"], "before": change.before}
    if shown["status"] != change.before:
        tx.publish(org, "gateway.health_changed", told)
    if change.drifts:
        running = sorted({one["active_digest"] or "" for one in shown["instances"] if one["state"] == "stale"})
        what = {"desired_digest": shown["desired_digest"], "active_digests": running}
        tx.publish(org, "gateway.drift_detected", told | what)
