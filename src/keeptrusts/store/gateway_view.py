"""A gateway as the API shows it, and how its instances do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import RowMapping

from keeptrusts.api.gateways import Gateway, GatewayInstance, StableVersion
from keeptrusts.store.columns import rfc3339
from keeptrusts.trail.canary import is_first

OFFLINE_AFTER: Final = timedelta(seconds=90)


def shown_gateway(row: RowMapping, said: Sequence[RowMapping], at: datetime) -> Gateway:
    """
    The whole object.

    Args:
        row: Of the gateway, beside `desired_digest` and `stable_digest`.
        said: What its instances said until `at`.
    """
    shown = [_instance(one, row) for one in said]
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "labels": row["labels"],
        "environment": row["environment"],
        "configuration_id": row["configuration_id"],
        "configuration_version": row["configuration_version"],
        "fail_mode": row["fail_mode"],
        "deployment": row["deployment"],
        "desired_digest": row["desired_digest"],
        "stable": _stable(row),
        "epoch": row["epoch"],
        "instances": shown,
        "status": _status(said, shown, at),
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
    }


def is_under_way(row: RowMapping) -> bool:
    """Whether a canary is: some instances are to run another document than the others."""
    return row["stable_digest"] not in {None, row["desired_digest"]} and row["desired_digest"] is not None


def _stable(row: RowMapping) -> StableVersion | None:
    if not is_under_way(row):
        return None
    return {
        "configuration_id": row["stable_configuration_id"],
        "configuration_version": row["stable_version"],
        "content_digest": row["stable_digest"],
    }


def _instance(one: RowMapping, row: RowMapping) -> GatewayInstance:
    desired = row["desired_digest"]
    if is_under_way(row):
        first = is_first(row["id"], one["instance_id"], row["deployment"]["percent"], row["canary_lead"])
        desired = desired if first else row["stable_digest"]
    return {
        "instance_id": one["instance_id"],
        "version": one["version"],
        "desired_digest": desired,
        "active_digest": one["active_digest"],
        "state": _state(one, desired),
        "epoch": one["epoch"],
        "last_seen_at": rfc3339(one["last_seen_at"]),
        "last_error": one["last_error"],
    }


def _state(row: RowMapping, desired: str | None) -> Literal["in_sync", "stale", "degraded", "error"]:
    if row["last_error"] is not None:
        return "error"
    if row["degraded"]:
        return "degraded"
    return "in_sync" if row["active_digest"] == desired else "stale"


def _status(
    said: Sequence[RowMapping], shown: Sequence[GatewayInstance], at: datetime
) -> Literal["never_seen", "online", "degraded", "offline"]:
    if not said:
        return "never_seen"
    live = [one for row, one in zip(said, shown, strict=True) if row["last_seen_at"] > at - OFFLINE_AFTER]
    if not live:
        return "offline"
    return "online" if all(one["state"] == "in_sync" for one in live) else "degraded"
