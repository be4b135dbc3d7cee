"""
From a bearer token, or a session of the console, to an `Actor`, and what a route asks of it.

`Annotated[Actor, Depends(Needs("configurations:write"))]` in a route's signature is the whole of its protection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NoReturn

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from keeptrusts.api.names import Role
from keeptrusts.control import scopes, sessions
from keeptrusts.control.problem import ProblemError, request_id_of
from keeptrusts.control.services import Services, services_of
from keeptrusts.store.keys import Credential, split_token

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
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
    The actor whose token or session this request carries; counts it against the key's rate.

    Raises:
        ProblemError: 401 `missing_api_key`, `invalid_api_key`, `expired_api_key` or `session_ended`; 403
            `csrf_token_missing`; 429 `rate_limited`.
    """
    services = services_of(request)
    credential = await _credential(services, request)
    count(services, request, credential)
    services.credentials.note_use(credential.id, services.store.clock())
    return actor_of(credential, request)


def count(services: Services, request: Request, credential: Credential) -> None:
    """
    Take this request out of what the key may make; the answer will say what is left.

    Raises:
        ProblemError: 429 `rate_limited`.
    """
    granted, headers = services.credentials.take(credential)
    request.scope["state"]["extra_headers"] = headers
    if not granted:
        raise ProblemError(429, "rate_limited", "this key makes too many requests; see `Retry-After`")


async def require_known_key(request: Request) -> None:
    """
    Look at the head alone: whether the key is known, and has not ended. Counts nothing.

    Raises:
        ProblemError: 401, as of `authenticate`.
    """
    await _credential(services_of(request), request)


async def _credential(services: Services, request: Request) -> Credential:
    header, cookie = request.headers.get("authorization"), request.cookies.get(sessions.COOKIE)
    if header is None and cookie is not None:
        return await _signed_in(services, request, cookie)
    scheme, _, token = (header or "").partition(" ")
    return await credential_of(services, token.strip() if scheme.lower() == "bearer" else "")


async def credential_of(services: Services, token: str) -> Credential:
    """
    Whose key this is.

    Raises:
        ProblemError: 401 `missing_api_key`, `invalid_api_key` or `expired_api_key`.
    """
    if not token:
        _refuse("missing_api_key", f"send `Authorization: Bearer <key>`; if the key was lost, rotate it: {ROTATE}")
    parts = split_token(token)
    if parts is None:
        _refuse("invalid_api_key", f"this is not an API key of Keeptrusts; if yours was lost, rotate it: {ROTATE}")
    key_id, secret = parts
    credential = await known(services, key_id)
    if credential is None or not credential.fits(secret) or credential.revoked_at is not None:
        _refuse("invalid_api_key", f"the API key is unknown or revoked; rotate it: {ROTATE}")
    if credential.has_ended(services.store.clock()):
        _refuse("expired_api_key", f"the API key expired; rotate it: {ROTATE}")
    return credential


async def _signed_in(services: Services, request: Request, cookie: str) -> Credential:
    now = services.store.clock()
    session = sessions.unseal(cookie, services.sealer, now)
    credential = await known(services, session.key_id) if session else None
    if session is None or credential is None or credential.revoked_at is not None or credential.has_ended(now):
        _refuse("session_ended", "the session has ended, or its key has; sign in to the console again")
    if request.method not in _SAFE and not session.fits(request.headers.get(sessions.TOKEN_HEADER)):
        raise ProblemError(
            403, "csrf_token_missing", "a change by a session needs its token in the header `X-CSRF-Token`; "
            "programs send `Authorization: Bearer <key>` and no cookie"
        )  # fmt: skip
    return credential


async def known(services: Services, key_id: str) -> Credential | None:
    """The key of this id, which may be revoked or have ended."""
    credentials = services.credentials
    return credentials.remembered(key_id) or await run_in_threadpool(credentials.look_up, key_id)


def _refuse(code: str, detail: str) -> NoReturn:
    raise ProblemError(401, code, detail, headers={"WWW-Authenticate": 'Bearer realm="keeptrusts"'})


def actor_of(credential: Credential, request: Request) -> Actor:
    """Who comes with this credential."""
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
