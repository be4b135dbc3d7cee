"""Data source `keeptrusts_drift`: which process runs what, over the whole fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform import labels
from keeptrusts.terraform.instances import desired_of, in_sync
from keeptrusts.terraform.resource import DataSource
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One process and what it runs."""

    gateway_id: Annotated[str, Attr(about="Id of its gateway.", computed=True)]
    gateway: Annotated[str, Attr(about="Name of its gateway.", computed=True)]
    instance_id: Annotated[str, Attr(about="Id of the process.", computed=True)]
    desired_digest: Annotated[str | None, Attr(about="Digest of what it is to run.", computed=True)] = None
    active_digest: Annotated[str | None, Attr(about="Digest of what it runs.", computed=True)] = None
    in_sync: Annotated[bool, Attr(about="Whether the two are the same.", computed=True)]
    state: Annotated[str, Attr(about="`in_sync`, `stale`, `degraded` or `error`.", computed=True)]
    last_seen_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)]
    last_error: Annotated[str | None, Attr(about="Why it does not run what it should.", computed=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What every process of the gateways runs, and whether that is what was declared."""

    labels: Annotated[
        dict[str, str] | None, Attr(about="Labels that each gateway has; absent: every gateway.", check=labels.check)
    ] = None
    drifted: Annotated[bool, Attr(about="Whether any process runs something else than it should.", computed=True)] = (
        False
    )
    drifted_gateways: Annotated[
        tuple[str, ...], Attr(about="Names of the gateways that have such a process.", computed=True)
    ] = ()
    silent_gateways: Annotated[
        tuple[str, ...], Attr(about="Names of the gateways that no process was heard of.", computed=True)
    ] = ()
    instances: Annotated[
        tuple[Running, ...], Attr(about="Every process, by the names of their gateways.", computed=True)
    ] = ()


class DriftSource(DataSource[Drift]):
    type_name = "keeptrusts_drift"
    noun = "gateways"
    state = Drift

    def read(self, config: Drift) -> Drift:
        gateways = list(self.session.client.gateways.each(labels.query(config.labels)))
        gateways.sort(key=lambda one: one["name"])
        instances = tuple(
            Running(
                gateway_id=gateway["id"],
                gateway=gateway["name"],
                instance_id=one["instance_id"],
                desired_digest=desired_of(gateway, one),
                active_digest=one["active_digest"],
                in_sync=in_sync(gateway, one),
                state=one["state"],
                last_seen_at=one["last_seen_at"],
                last_error=one["last_error"],
            )
            for gateway in gateways
            for one in gateway["instances"]
        )
        drifted = tuple(dict.fromkeys(one.gateway for one in instances if not one.in_sync))
        silent = tuple(gateway["name"] for gateway in gateways if not gateway["instances"])
        return Drift(
            labels=config.labels,
            drifted=bool(drifted),
            drifted_gateways=drifted,
            silent_gateways=silent,
            instances=instances,
        )
