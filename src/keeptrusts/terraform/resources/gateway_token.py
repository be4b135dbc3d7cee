"""`keeptrusts_gateway_token`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform import credentials
from keeptrusts.terraform.checks import length, lifetime, same_life
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.resource import Resource
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTokenState:
    """
    A credential with which the instances of a gateway fetch their configuration and ship their events.

    It opens the stored secrets that the gateway's document names: making one needs an API key with `tokens:write`,
    which is an admin's.
    """

    id: Annotated[str, Attr(about="Id of the token.", computed=True, follows=())] = ""
    gateway_id: Annotated[str, Attr(about=credentials.GATEWAY, required=True, replaces=True, check=length(1, 100))]
    expires_in: Annotated[
        str | None, Attr(about=credentials.RENEWED, replaces=True, check=lifetime, same=same_life)
    ] = None
    rotate_when: Annotated[dict[str, str] | None, Attr(about=credentials.ROTATED, replaces=True)] = None
    prefix: Annotated[str, Attr(about=credentials.PREFIX, computed=True, follows=())] = ""
    token: Annotated[
        str | None,
        Attr(
            about="The token itself, kept in the state. Null after an import. The ephemeral resource of this name "
            "keeps none.",
            computed=True,
            sensitive=True,
            follows=(),
        ),
    ] = None
    expires_at: Annotated[str | None, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = None
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = ""


class GatewayTokenResource(Resource[GatewayTokenState]):
    type_name = "keeptrusts_gateway_token"
    noun = "tokens"
    state = GatewayTokenState

    def plan(self, change: Change) -> None:
        credentials.plan_rotation(change, "token")

    def create(self, planned: GatewayTokenState) -> GatewayTokenState:
        draft: Any = credentials.lifetime_of(planned.expires_in)
        mine = self.session.client.gateways
        made = mine.create_token(planned.gateway_id, draft, idempotency_key=credentials.once())
        return _state({**made}, planned, made["token"])

    def read(self, prior: GatewayTokenState) -> GatewayTokenState | None:
        try:
            tokens = self.session.client.gateways.tokens(prior.gateway_id)
            found = next((one for one in tokens if one["id"] == prior.id), None)
        except ApiError as error:
            if error.status != 404:
                raise
            found = None  # its gateway is gone, and it with that
        if found is None or credentials.is_over(found):
            return None
        return _state({**found, "gateway_id": prior.gateway_id}, prior, prior.token)

    def update(self, prior: GatewayTokenState, planned: GatewayTokenState) -> GatewayTokenState:
        """Every change replaces it, but for triggers that are only noted."""
        del prior
        return planned

    def delete(self, prior: GatewayTokenState) -> None:
        with credentials.revoking():
            self.session.client.gateways.revoke_token(prior.gateway_id, prior.id)

    def find(self, identifier: str) -> GatewayTokenState | None:
        try:
            found = self.session.client.tokens.get(identifier)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        if found["gateway_id"] is None or credentials.is_over(found):
            return None
        return _state({**found}, None, None)


def _state(found: Mapping[str, Any], local: GatewayTokenState | None, token: str | None) -> GatewayTokenState:
    return GatewayTokenState(
        id=found["id"],
        gateway_id=found["gateway_id"],
        expires_in=local.expires_in if local else credentials.lifetime_from(found),
        rotate_when=local.rotate_when if local else None,
        prefix=found["prefix"],
        token=token,
        expires_at=found["expires_at"],
        created_at=found["created_at"],
    )
