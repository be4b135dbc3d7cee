"""
From a bearer token to an `Actor`, and what a route asks of it.

`Annotated[Actor, Depends(Needs("configurations:write"))]` in a route's signature is the whole of its protection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NoReturn

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from keeptrusts.api.names import Role
from keeptrusts.control import scopes
from keeptrusts.control.problem import ProblemError, request_id_of
from keeptrusts.control.services import Services, services_of
from keeptrusts.store.keys import Credential, split_token

ROTATE = "make a new key (or `POST /v1/tokens/{id}/rotate`) and set it as `KEEPTRUSTS_API_TOKEN`"


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who does it.

    Args:
        scopes: Empty: everything the role may do.
        gateway_id: Of a gateway token.
        ip: Of the peer; the server decides which proxies to believe.
    """

    key_id: str
    name: str
    org: str
    org_name: str
    kind: str
    role: Role
    scopes: tuple[str, ...]
    gateway_id: str | None
    expires_at: datetime | None
    ip: str | None
    request_id: str

    def may(self, scope: str) -> bool:
        """Whether it may do this."""
        return scopes.may(self.role, self.scopes, scope)


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency: an actor who may do `scope`, or 401, 403 or 429."""

    scope: str

    async def __call__(self, request: Request) -> Actor:
        """Check the request's token."""
        actor = await authenticate(request)
        if not actor.may(self.scope):
            raise ProblemError(
                403, "forbidden", f"this needs the scope `{self.scope}`, which a key of role `{actor.role}` "
                "or with narrower scopes does not have"
            )  # fmt: skip
        request.state.actor = actor
        return actor


ConfigurationReader = Annotated[Actor, Depends(Needs(scopes.CONFIGURATIONS_READ))]
ConfigurationWriter = Annotated[Actor, Depends(Needs(scopes.CONFIGURATIONS_WRITE))]
GatewayReader = Annotated[Actor, Depends(Needs(scopes.GATEWAYS_READ))]
GatewayWriter = Annotated[Actor, Depends(Needs(scopes.GATEWAYS_WRITE))]
WebhookReader = Annotated[Actor, Depends(Needs(scopes.WEBHOOKS_READ))]
WebhookWriter = Annotated[Actor, Depends(Needs(scopes.WEBHOOKS_WRITE))]
ExportReader = Annotated[Actor, Depends(Needs(scopes.EXPORTS_READ))]
ExportWriter = Annotated[Actor, Depends(Needs(scopes.EXPORTS_WRITE))]
EscalationReader = Annotated[Actor, Depends(Needs(scopes.ESCALATIONS_READ))]
EscalationWriter = Annotated[Actor, Depends(Needs(scopes.ESCALATIONS_WRITE))]
EventReader = Annotated[Actor, Depends(Needs(scopes.EVENTS_READ))]
VariableReader = Annotated[Actor, Depends(Needs(scopes.VARIABLES_READ))]
VariableWriter = Annotated[Actor, Depends(Needs(scopes.VARIABLES_WRITE))]
VariableUser = Annotated[Actor, Depends(Needs(scopes.VARIABLES_USE))]
TokenReader = Annotated[Actor, Depends(Needs(scopes.TOKENS_READ))]
TokenWriter = Annotated[Actor, Depends(Needs(scopes.TOKENS_WRITE))]
RetentionWriter = Annotated[Actor, Depends(Needs(scopes.RETENTION_WRITE))]
AuditReader = Annotated[Actor, Depends(Needs(scopes.AUDIT_READ))]
TrailReader = Annotated[Actor, Depends(Needs(scopes.TRAIL_READ))]
Runtime = Annotated[Actor, Depends(Needs(scopes.RUNTIME))]
Anybody = Annotated[Actor, Depends(Needs(scopes.IDENTITY))]


async def authenticate(request: Request) -> Actor:
    """
    The actor whose token this request carries; counts it against the key's rate.

    Raises:
        ProblemError: 401 `missing_api_key`, `invalid_api_key` or `expired_api_key`; 429 `rate_limited`.
    """
    services = services_of(request)
    credential = await _credential(services, request.headers.get("authorization"))
    now = services.store.clock()
    if credential.expires_at is not None and credential.expires_at <= now:
        _refuse("expired_api_key", f"the API key expired; rotate it: {ROTATE}")
    granted, headers = services.credentials.take(credential)
    request.scope["state"]["extra_headers"] = headers
    if not granted:
        raise ProblemError(429, "rate_limited", "this key makes too many requests; see `Retry-After`")
    services.credentials.note_use(credential.id, now)
    return _actor(credential, request)


async def require_known_key(request: Request) -> None:
    """
    Look at the head alone: whether the key is known, and has not ended. Counts nothing.

    Raises:
        ProblemError: 401, as of `authenticate`.
    """
    services = services_of(request)
    credential = await _credential(services, request.headers.get("authorization"))
    if credential.expires_at is not None and credential.expires_at <= services.store.clock():
        _refuse("expired_api_key", f"the API key expired; rotate it: {ROTATE}")


async def _credential(services: Services, header: str | None) -> Credential:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        _refuse("missing_api_key", f"send `Authorization: Bearer <key>`; if the key was lost, rotate it: {ROTATE}")
    parts = split_token(token.strip())
    if parts is None:
        _refuse("invalid_api_key", f"this is not an API key of Keeptrusts; if yours was lost, rotate it: {ROTATE}")
    key_id, secret = parts
    known = services.credentials
    credential = known.remembered(key_id) or await run_in_threadpool(known.look_up, key_id)
    if credential is None or not credential.fits(secret) or credential.revoked_at is not None:
        _refuse("invalid_api_key", f"the API key is unknown or revoked; rotate it: {ROTATE}")
    return credential


def _refuse(code: str, detail: str) -> NoReturn:
    raise ProblemError(401, code, detail, headers={"WWW-Authenticate": 'Bearer realm="keeptrusts"'})


def _actor(credential: Credential, request: Request) -> Actor:
    return Actor(
        key_id=credential.id,
        name=credential.name,
        org=credential.org,
        org_name=credential.org_name,
        kind=credential.kind,
        role=credential.role,
        scopes=credential.scopes,
        gateway_id=credential.gateway_id,
        expires_at=credential.expires_at,
        ip=request.client.host if request.client else None,
        request_id=request_id_of(request),
    )
