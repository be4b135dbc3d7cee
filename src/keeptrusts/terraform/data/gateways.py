"""Data source `keeptrusts_gateways`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform import labels
from keeptrusts.terraform.data.gateway import active_digest
from keeptrusts.terraform.instances import in_sync
from keeptrusts.terraform.resource import DataSource
from keeptrusts.terraform.schema import Attr

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.gateways import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGateway:
    """One of them; its instances are read with `keeptrusts_gateway`."""

    id: Annotated[str, Attr(about="Id of the gateway.", computed=True)]
    name: Annotated[str, Attr(about="Its name.", computed=True)]
    environment: Annotated[str | None, Attr(about="`dev`, `staging`, ...", computed=True)] = None
    labels: Annotated[dict[str, str], Attr(about="All its labels.", computed=True)]
    configuration_id: Annotated[str | None, Attr(about="The configuration it runs.", computed=True)] = None
    desired_digest: Annotated[str | None, Attr(about="Digest of what it is to run.", computed=True)] = None
    active_digest: Annotated[
        str | None,
        Attr(about="Digest of what all its instances run; null when they differ or there are none.", computed=True),
    ] = None
    instance_count: Annotated[int, Attr(about="How many processes it has.", computed=True)]
    in_sync: Annotated[
        bool, Attr(about="Whether it has instances and each of them runs what it should.", computed=True)
    ]
    status: Annotated[str, Attr(about="`never_seen`, `online`, `degraded` or `offline`.", computed=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaysFound:
    """The gateways that have all the given labels, by name, and whether they run what they should."""

    labels: Annotated[
        dict[str, str] | None, Attr(about="Labels that each has; absent: every gateway.", check=labels.check)
    ] = None
    ids: Annotated[tuple[str, ...], Attr(about="Their ids, in the order of their names.", computed=True)] = ()
    gateways: Annotated[tuple[ListedGateway, ...], Attr(about="What they are.", computed=True)] = ()


class GatewaysSource(DataSource[GatewaysFound]):
    type_name = "keeptrusts_gateways"
    noun = "gateways"
    state = GatewaysFound

    def read(self, config: GatewaysFound) -> GatewaysFound:
        found = list(self.session.client.gateways.each(labels.query(config.labels)))
        found.sort(key=lambda one: one["name"])
        listed = tuple(
            ListedGateway(
                id=one["id"],
                name=one["name"],
                environment=one["environment"],
                labels=one["labels"],
                configuration_id=one["configuration_id"],
                desired_digest=one["desired_digest"],
                active_digest=active_digest(one),
                instance_count=len(one["instances"]),
                in_sync=_in_sync(one),
                status=one["status"],
            )
            for one in found
        )
        return GatewaysFound(labels=config.labels, ids=tuple(one.id for one in listed), gateways=listed)


def _in_sync(gateway: Gateway) -> bool:
    instances = gateway["instances"]
    return gateway["desired_digest"] is not None and bool(instances) and all(in_sync(gateway, one) for one in instances)
