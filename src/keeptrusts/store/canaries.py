"""
A new version at some instances of a gateway first, while the others stay at the one that is stable.

`stable_version` of `stable_configuration_id` is kept as long as a gateway has the strategy `canary`: it is what all ran
when that was set, and becomes what the gateway is to run with every promotion. A canary is under way while they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Join, RowMapping, and_, case, func, select

from keeptrusts.store.gateway_view import OFFLINE_AFTER, is_under_way
from keeptrusts.store.tables import gateways, instances, versions
from keeptrusts.trail.canary import WHOLE

stable: Final = versions.alias("stable")
STABLE_DIGEST: Final = stable.c.content_digest.label("stable_digest")
STABLE_YAML: Final = stable.c.policy_yaml.label("stable_yaml")

_NONE: Final[Mapping[str, Any]] = {"stable_configuration_id": None, "stable_version": None, "canary_lead": None}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a configuration, whole."""

    configuration_id: str
    configuration_version: int
    content_digest: str
    policy_yaml: str


@dataclass(frozen=True, slots=True)
class Canary:
    """
    A canary that is under way.

    Args:
        lead: The instance that belongs to the share in any case.
        others: What the instances outside of it stay at.
    """

    percent: int
    lead: str | None
    others: Version


def with_stable(wanted: Join) -> Join:
    """Gateways beside the version that is stable, if any."""
    same = and_(
        stable.c.org == gateways.c.org,
        stable.c.configuration_id == gateways.c.stable_configuration_id,
        stable.c.version == gateways.c.stable_version,
    )
    return wanted.outerjoin(stable, same)


def canary_of(row: RowMapping) -> Canary | None:
    """Of a gateway beside its wanted and its stable version; None: all are to run the wanted one."""
    if not is_under_way(row):
        return None
    others = Version(row["stable_configuration_id"], row["stable_version"], row["stable_digest"], row["stable_yaml"])
    return Canary(row["deployment"]["percent"], row["canary_lead"], others)


def stable_columns(
    deployment: Mapping[str, Any], *, known: bool, ran: Version | None, runs: Version | None
) -> Mapping[str, Any]:
    """
    What changes of what is stable, by a change of the gateway.

    Args:
        deployment: As it is now.
        known: Whether something was stable before.
        ran: What all were to run before.
        runs: What it is to run now.
    """
    if deployment["strategy"] != "canary" or deployment["percent"] == WHOLE or runs is None:
        return _NONE if known else {}
    return {} if known else stable_at(ran or runs)


def stable_at(version: Version) -> Mapping[str, Any]:
    """The columns that say so."""
    return {
        "stable_configuration_id": version.configuration_id,
        "stable_version": version.configuration_version,
    }


def lead_of(at: datetime) -> ColumnElement[Any]:
    """The value of `canary_lead` when something new is to be run: of the instances that are heard of, the first."""
    heard = instances.c.last_seen_at > at - OFFLINE_AFTER
    mine = (instances.c.org == gateways.c.org, instances.c.gateway_id == gateways.c.id, heard)
    first = select(func.min(instances.c.instance_id)).where(*mine).correlate(gateways).scalar_subquery()
    return case((gateways.c.stable_version.is_not(None), first), else_=None)
