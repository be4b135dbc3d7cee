"""Data source `keeptrusts_gateway`, with what its instances run right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from keeptrusts.terraform.resource import DataSource, exactly_one
from keeptrusts.terraform.schema import Attr, Values

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.gateways import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A running process of a gateway."""

    instance_id: Annotated[str, Attr(about="Id of the process.", computed=True)]
    version: Annotated[str, Attr(about="Version of its software.", computed=True)]
    active_digest: Annotated[str | None, Attr(about="Digest of what it runs.", computed=True)] = None
    state: Annotated[str, Attr(about="`in_sync`, `stale`, `degraded` or `error`.", computed=True)]
    last_seen_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)]
    last_error: Annotated[str | None, Attr(about="Why it does not run what it should.", computed=True)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFound:
    """A gateway and the state of its instances."""

    id: Annotated[str | None, Attr(about="Id of the gateway; or give `name`.", optional=True, computed=True)] = None
    name: Annotated[str | None, Attr(about="Its name; or give `id`.", optional=True, computed=True)] = None
    description: Annotated[str | None, Attr(about="What it is for.", computed=True)] = None
    configuration_id: Annotated[str | None, Attr(about="The configuration it runs.", computed=True)] = None
    configuration_version: Annotated[
        int | None, Attr(about="The version it stays at; null: the latest.", computed=True)
    ] = None
    environment: Annotated[str | None, Attr(about="`dev`, `staging`, ...", computed=True)] = None
    labels: Annotated[dict[str, str] | None, Attr(about="All its labels.", computed=True)] = None
    fail_mode: Annotated[str, Attr(about="`block` or `allow`.", computed=True)] = ""
    desired_digest: Annotated[str | None, Attr(about="Digest of what it is to run.", computed=True)] = None
    active_digest: Annotated[
        str | None,
        Attr(about="Digest of what all its instances run; null when they differ or there are none.", computed=True),
    ] = None
    status: Annotated[str, Attr(about="`never_seen`, `online`, `degraded` or `offline`.", computed=True)] = ""
    instances: Annotated[tuple[Instance, ...], Attr(about="Its running processes.", computed=True)] = ()
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""
    updated_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""


class GatewaySource(DataSource[GatewayFound]):
    type_name = "keeptrusts_gateway"
    noun = "gateways"
    state = GatewayFound

    def validate(self, config: Values) -> None:
        exactly_one(config, self.diagnostics, "id", "name")

    def read(self, config: GatewayFound) -> GatewayFound | None:
        if config.id is not None:
            found = self.session.reads.get(self.noun, config.id)
        else:
            found = self.session.client.gateways.find(config.name or "")
        return _found(found) if found else None


def active_digest(gateway: Gateway) -> str | None:
    """What all its instances run."""
    digests = {one["active_digest"] for one in gateway["instances"]}
    return digests.pop() if len(digests) == 1 else None


def _found(gateway: Gateway) -> GatewayFound:
    return GatewayFound(
        id=gateway["id"],
        name=gateway["name"],
        description=gateway["description"],
        configuration_id=gateway["configuration_id"],
        configuration_version=gateway["configuration_version"],
        environment=gateway["environment"],
        labels=gateway["labels"],
        fail_mode=gateway["fail_mode"],
        desired_digest=gateway["desired_digest"],
        active_digest=active_digest(gateway),
        status=gateway["status"],
        instances=tuple(
            Instance(
                instance_id=one["instance_id"],
                version=one["version"],
                active_digest=one["active_digest"],
                state=one["state"],
                last_seen_at=one["last_seen_at"],
                last_error=one["last_error"],
            )
            for one in gateway["instances"]
        ),
        created_at=gateway["created_at"],
        updated_at=gateway["updated_at"],
    )
