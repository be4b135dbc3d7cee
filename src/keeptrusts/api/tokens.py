"""`/v1/tokens` (alias `/v1/api-keys`) and `/v1/whoami`."""

from __future__ import annotations

from typing import Annotated, NotRequired

from annotated_types import MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Lifetime, Name, Role


class KeyDraft(TypedDict):
    """POST. `expires_in` in seconds. `scopes` narrow the role (`configurations:write`, ...); empty: all of it."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    role: Role
    scopes: NotRequired[Annotated[list[str], MaxLen(50)]]
    expires_in: NotRequired[Lifetime | None]


class Key(TypedDict):
    """`key` is there only in the answer to the call that made it."""

    id: str
    name: str
    role: Role
    scopes: list[str]
    prefix: str
    gateway_id: str | None
    key: NotRequired[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class Whoami(TypedDict):
    """Who this credential is."""

    key_id: str
    name: str
    role: Role
    scopes: list[str]
    organisation: str
    organisation_name: str
    expires_at: str | None
