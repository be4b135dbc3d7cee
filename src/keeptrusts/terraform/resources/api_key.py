"""`keeptrusts_api_key`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform import credentials
from keeptrusts.terraform.checks import length, lifetime, same_life
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.resource import Resource, selector
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyState:
    """A key for people and automation. Its rights are those of a role, and fewer where scopes are given."""

    id: Annotated[str, Attr(about="Id of the key.", computed=True, follows=())] = ""
    name: Annotated[str, Attr(about=credentials.PURPOSE, required=True, replaces=True, check=length(1, 200))]
    role: Annotated[
        credentials.Role,
        Attr(about=credentials.ROLE, required=True, replaces=True),
    ]
    scopes: Annotated[
        frozenset[str] | None,
        Attr(about=credentials.SCOPES, replaces=True),
    ] = None
    expires_in: Annotated[
        str | None, Attr(about=credentials.RENEWED, replaces=True, check=lifetime, same=same_life)
    ] = None
    rotate_when: Annotated[dict[str, str] | None, Attr(about=credentials.ROTATED, replaces=True)] = None
    prefix: Annotated[str, Attr(about=credentials.PREFIX, computed=True, follows=())] = ""
    key: Annotated[
        str | None,
        Attr(
            about="The key itself, kept in the state. Null after an import. The ephemeral resource of this name keeps "
            "none.",
            computed=True,
            sensitive=True,
            follows=(),
        ),
    ] = None
    expires_at: Annotated[str | None, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = None
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = ""


class ApiKeyResource(Resource[ApiKeyState]):
    type_name = "keeptrusts_api_key"
    noun = "tokens"
    import_key = "name"
    state = ApiKeyState

    def plan(self, change: Change) -> None:
        credentials.plan_rotation(change, "key")

    def create(self, planned: ApiKeyState) -> ApiKeyState:
        draft = credentials.key_draft(
            planned.name, planned.role, planned.scopes, credentials.lifetime_of(planned.expires_in)
        )
        made = self.session.client.tokens.create(draft, idempotency_key=credentials.once())
        return _state(made, planned, made.get("key"))

    def read(self, prior: ApiKeyState) -> ApiKeyState | None:
        found = self.session.reads.get(self.noun, prior.id)
        return None if found is None or credentials.is_over(found) else _state(found, prior, prior.key)

    def update(self, prior: ApiKeyState, planned: ApiKeyState) -> ApiKeyState:
        """Every change replaces it, but for triggers that are only noted."""
        del prior
        return planned

    def delete(self, prior: ApiKeyState) -> None:
        with credentials.revoking():
            self.session.client.tokens.revoke(prior.id)

    def find(self, identifier: str) -> ApiKeyState | None:
        """A name may stand for several keys; then none is meant."""
        name = selector(identifier, self.import_key)
        keys: Iterable[Mapping[str, Any]]
        if name is None:
            key = self.session.reads.get(self.noun, identifier)
            keys = [key] if key else []
        else:
            keys = (one for one in self.session.client.tokens.each() if one["name"] == name)
        found = [one for one in keys if one["gateway_id"] is None and not credentials.is_over(one)]
        if len(found) > 1:
            listed = ", ".join(f"`{one['id']}`" for one in found)
            raise ApiError(f"several keys have this name: {listed}; use the id of one", code="ambiguous")
        return _state(found[0], None, None) if found else None


def _state(found: Mapping[str, Any], local: ApiKeyState | None, key: str | None) -> ApiKeyState:
    return ApiKeyState(
        id=found["id"],
        name=found["name"],
        role=found["role"],
        scopes=frozenset(found["scopes"]) or (local.scopes if local else None),
        expires_in=local.expires_in if local else credentials.lifetime_from(found),
        rotate_when=local.rotate_when if local else None,
        prefix=found["prefix"],
        key=key,
        expires_at=found["expires_at"],
        created_at=found["created_at"],
    )
