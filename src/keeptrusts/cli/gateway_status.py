"""`kt gateway status`: whether the processes of gateways run what they should."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.gateway import find_gateway
from keeptrusts.cli.output import emit, emit_one, emit_value, format_option

if TYPE_CHECKING:
    from keeptrusts.api.gateways import Gateway, GatewayInstance
    from keeptrusts.client import Client

FLEET: Final = ("name", "status", "environment", "instance_count", "in_sync", "epoch", "desired_digest")
SILENT_AFTER: Final = timedelta(seconds=90)
INSTANCES: Final = ("instance_id", "state", "version", "epoch", "active_digest", "last_seen_at", "last_error")


@click.command()
@click.argument("name_or_id", required=False)
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def status(client: Client, name_or_id: str | None, form: str) -> None:
    """
    Whether the processes of a gateway run what they should; without NAME_OR_ID one line for each gateway.

    A gateway is `online` when every process of it that was heard of in the last 90 seconds runs the document it should,
    without an error. During a canary, `canary_count` of them are to run the new version, and the others to stay at
    `stable_version`.

    \b
      kt gateway status
      kt gateway status edge --json

    Exit status: 0 all are online; 3 one is degraded, offline or was never seen.
    """
    if name_or_id is None:
        gateways = list(client.gateways.each())
        emit([summary(one) for one in gateways], FLEET, form)
    else:
        gateways = [find_gateway(client, name_or_id)]
        _tell(gateways[0], form)
    sys.exit(0 if all(one["status"] == "online" for one in gateways) else Exit.FOUND)


def summary(gateway: Gateway) -> dict[str, Any]:
    """One line about a gateway; its instances are those that are heard of."""
    instances = heard_of(gateway)
    return {
        "id": gateway["id"],
        "name": gateway["name"],
        "status": gateway["status"],
        "environment": gateway["environment"],
        "configuration_id": gateway["configuration_id"],
        "configuration_version": gateway["configuration_version"],
        "desired_digest": gateway["desired_digest"],
        **_canary(gateway, instances),
        # a control plane of an earlier version does not tell it
        "epoch": gateway.get("epoch"),
        "instance_count": len(instances),
        "in_sync": sum(one["state"] == "in_sync" for one in instances),
    }


def _canary(gateway: Gateway, instances: Sequence[GatewayInstance]) -> dict[str, Any]:
    """Nothing, while there is none."""
    stable = gateway.get("stable")
    if stable is None:
        return {}
    count = sum(one["desired_digest"] == gateway["desired_digest"] for one in instances)
    return {"stable_version": stable["configuration_version"], "canary_count": count}


def heard_of(gateway: Gateway) -> list[GatewayInstance]:
    """The instances that are not silent, by the control plane's clock: ours may be another."""
    if gateway["status"] in {"never_seen", "offline"}:
        return []
    seen = [datetime.fromisoformat(one["last_seen_at"]) for one in gateway["instances"]]
    since = max(seen) - SILENT_AFTER
    return [one for one, at in zip(gateway["instances"], seen, strict=True) if at > since]


def _tell(gateway: Gateway, form: str) -> None:
    if form in {"json", "yaml"}:
        emit_value({**summary(gateway), "instances": gateway["instances"]}, form)
        return
    if form == "table":
        emit_one(summary(gateway), form)
        if not gateway["instances"]:
            return
    emit([{**one} for one in gateway["instances"]], INSTANCES, form)
