"""Ephemeral resource `keeptrusts_gateway_token`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from keeptrusts.terraform import credentials
from keeptrusts.terraform.checks import length, lifetime
from keeptrusts.terraform.resource import Ephemeral
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingGatewayToken:
    """A gateway's credential for the length of one run, in no plan and no state: for a check, or another provider."""

    gateway_id: Annotated[str, Attr(about=credentials.GATEWAY, required=True, check=length(1, 100))]
    expires_in: Annotated[str | None, Attr(about=credentials.PASSING, check=lifetime)] = None
    id: Annotated[str, Attr(about="Id of the token.", computed=True)] = ""
    prefix: Annotated[str, Attr(about=credentials.PREFIX, computed=True)] = ""
    token: Annotated[str, Attr(about="The token itself.", computed=True, sensitive=True)] = ""


class EphemeralGatewayToken(Ephemeral[PassingGatewayToken]):
    type_name = "keeptrusts_gateway_token"
    state = PassingGatewayToken

    def open(self, config: PassingGatewayToken) -> tuple[PassingGatewayToken, Mapping[str, str]]:
        draft: Any = credentials.passing_lifetime(config.expires_in)
        mine = self.session.client.gateways
        made = mine.create_token(config.gateway_id, draft, idempotency_key=credentials.once())
        opened = replace(config, id=made["id"], prefix=made["prefix"], token=made["token"])
        return opened, {"id": made["id"], "gateway_id": config.gateway_id}

    def close(self, kept: Mapping[str, str]) -> None:
        with credentials.revoking():
            self.session.client.gateways.revoke_token(kept["gateway_id"], kept["id"])
