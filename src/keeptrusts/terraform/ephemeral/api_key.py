"""Ephemeral resource `keeptrusts_api_key`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from keeptrusts.terraform import credentials
from keeptrusts.terraform.checks import length, lifetime
from keeptrusts.terraform.resource import Ephemeral
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingApiKey:
    """An API key for the length of one run, in no plan and no state: for a check, or for another provider."""

    name: Annotated[str, Attr(about=credentials.PURPOSE, required=True, check=length(1, 200))]
    role: Annotated[
        credentials.Role,
        Attr(about=credentials.ROLE, required=True),
    ]
    scopes: Annotated[
        frozenset[str] | None,
        Attr(about=credentials.SCOPES),
    ] = None
    expires_in: Annotated[str | None, Attr(about=credentials.PASSING, check=lifetime)] = None
    id: Annotated[str, Attr(about="Id of the key.", computed=True)] = ""
    prefix: Annotated[str, Attr(about=credentials.PREFIX, computed=True)] = ""
    key: Annotated[str, Attr(about="The key itself.", computed=True, sensitive=True)] = ""


class EphemeralApiKey(Ephemeral[PassingApiKey]):
    type_name = "keeptrusts_api_key"
    state = PassingApiKey

    def open(self, config: PassingApiKey) -> tuple[PassingApiKey, Mapping[str, str]]:
        draft = credentials.key_draft(
            config.name, config.role, config.scopes, credentials.passing_lifetime(config.expires_in)
        )
        made = self.session.client.tokens.create(draft, idempotency_key=credentials.once())
        opened = replace(config, id=made["id"], prefix=made["prefix"], key=made.get("key", ""))
        return opened, {"id": made["id"]}

    def close(self, kept: Mapping[str, str]) -> None:
        with credentials.revoking():
            self.session.client.tokens.revoke(kept["id"])
