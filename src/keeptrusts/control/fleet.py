"""Tells webhooks when a gateway's health changes: at once by its own report, within seconds when it falls silent."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from keeptrusts.api.gateways import Gateway
from keeptrusts.control.services import Services
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.configurations import Configurations
from keeptrusts.store.gateway_view import OFFLINE_AFTER
from keeptrusts.store.gateways import Gateways
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


def may_be_last(before: Gateway, active_digest: str | None, at: datetime) -> bool:
    """
    Whether a report may complete a deployment: the instance runs what it should, and not all did before.

    Args:
        before: The gateway before the report.
        active_digest: What the instance says it runs.
    """
    desired, heard = before["desired_digest"], rfc3339(at - OFFLINE_AFTER)
    if desired is None or active_digest != desired or before["stable"] is not None:
        return False
    running = [one["active_digest"] for one in before["instances"] if one["last_seen_at"] > heard]
    ran = [one["active_digest"] for one in before["instances"]]
    return desired not in ran or any(one not in {None, desired} for one in running)


def desired_of(mine: Gateways, gateway: Gateway, instance_id: str, at: datetime) -> str | None:
    """What an instance that has just reported is to run: during a canary that is not the same for all."""
    if gateway["stable"] is None:
        return gateway["desired_digest"]
    shown = mine.read(gateway["id"], at=at).shown
    found = (one["desired_digest"] for one in shown["instances"] if one["instance_id"] == instance_id)
    return next(found, gateway["desired_digest"])


def tell_deployed(tx: Tx, org: str, gateway_id: str) -> None:
    """Publish that every instance that is heard of runs what it is to run, if so; ask after what `may_be_last`."""
    shown = Gateways(tx.connection, org).read(gateway_id, at=tx.now).shown
    if shown["status"] != "online" or shown["configuration_id"] is None or shown["stable"] is not None:
        return
    configuration = Configurations(tx.connection, org).read(shown["configuration_id"]).shown
    told = {
        "id": configuration["id"],
        "name": configuration["name"],
        "version": shown["configuration_version"] or configuration["version"],
        "content_digest": shown["desired_digest"],
        "gateway_id": shown["id"],
        "gateway_name": shown["name"],
    }
    tx.publish(org, "configuration.deployed", told)
