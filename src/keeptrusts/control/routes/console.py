"""
The console: files for a browser, and its session.

All that it shows and does goes through `/v1`, with the rights of the key that signed in: it has no way of its own to
any data. These routes are for browsers alone, and no part of the API's description.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from keeptrusts.api.console import Link, SignedIn, SignIn
from keeptrusts.control import sessions
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, Anybody, actor_of, count, credential_of, known
from keeptrusts.control.console_files import FILES, HEADERS
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.scopes import SCOPES, may
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.sessions import Session
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.version import VERSION
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.keys import Credential
from keeptrusts.store.sign_in_links import SignInLinks
from keeptrusts.store.transaction import Tx

router: Final = APIRouter(include_in_schema=False)


@router.head("/")
@router.get("/")
async def read_console(request: Request) -> Response:
    """The page that all others are shown in."""
    return _file(request, "index.html")


@router.head("/console/files/{name:path}")
@router.get("/console/files/{name:path}")
async def read_file(request: Request, name: str) -> Response:
    """A script, a style or a picture of it."""
    return _file(request, name)


@router.post("/console/session", status_code=201)
async def sign_in(said: SignIn, request: Request, services: AppServices) -> Response:
    """Begin a session, with a key or with the code of a link, which is good once."""
    if len(said) != 1:
        raise ProblemError(422, "invalid_input", "send either `key` or `code`")
    now = services.store.clock()
    key_id = await run_in_threadpool(_use, services, said["code"]) if "code" in said else None
    credential = await known(services, key_id) if key_id else await credential_of(services, said.get("key", ""))
    if credential is None or credential.revoked_at is not None or credential.has_ended(now) or credential.kind != "key":
        raise ProblemError(401, "invalid_api_key", "the key that this link or token stands for cannot sign in")
    if key_id is None:  # who made the link has been counted
        count(services, request, credential)
    session = sessions.begin(credential.id, now)
    await run_in_threadpool(_note, services, actor_of(credential, request))
    answer = JSONResponse(_signed_in(credential, session), 201)
    answer.set_cookie(
        sessions.COOKIE, sessions.seal(session, services.sealer), max_age=int(sessions.LASTS.total_seconds()),
        path="/", secure=_is_secure(request), httponly=True, samesite="strict",
    )  # fmt: skip
    return answer


@router.get("/console/session")
async def read_session(actor: Anybody, request: Request, services: AppServices) -> SignedIn:
    """Who is signed in, and the token for changes."""
    session = sessions.unseal(request.cookies.get(sessions.COOKIE, ""), services.sealer, services.store.clock())
    credential = await known(services, actor.key_id)
    if session is None or credential is None or session.key_id != actor.key_id:
        raise ProblemError(404, "not_found", "this request has no session; `/v1/whoami` says whose key it has")
    return _signed_in(credential, session)


@router.delete("/console/session", status_code=204)
async def sign_out(request: Request, actor: Anybody) -> Response:  # noqa: ARG001  a stranger ends no session
    """Have the browser forget the session."""
    answer = Response(status_code=204)
    answer.delete_cookie(sessions.COOKIE, path="/", secure=_is_secure(request), httponly=True, samesite="strict")
    return answer


@router.post("/console/links", status_code=201)
@transactional
def make_link(actor: Anybody, tx: Tx) -> Link:
    """A link for one who has no key at hand: it signs in once, with the rights of this key."""
    if actor.kind != "key":
        raise ProblemError(403, "forbidden", "a gateway's token signs nobody in; use an API key")
    link = SignInLinks(tx.connection).make(actor.org, actor.key_id, at=tx.now)
    record(tx, actor, "session.link", actor.key_id)
    return {"path": f"/#/welcome/{link.code}", "expires_at": rfc3339(link.expires_at)}


def _file(request: Request, name: str) -> Response:
    found = FILES.get(name)
    if found is None:
        raise ProblemError(404, "not_found", "the console has no such file; open `/`")
    headers = {**HEADERS, "ETag": found.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def _use(services: Services, code: str) -> str:
    with services.store.write() as tx:
        key_id = SignInLinks(tx.connection).use(code, at=tx.now)
    if key_id is None:
        raise ProblemError(401, "invalid_code", "the link was used or has ended; sign in with an API key")
    return key_id


def _note(services: Services, actor: Actor) -> None:
    with services.store.write() as tx:
        record(tx, actor, "session.begin", actor.key_id)


def _signed_in(credential: Credential, session: Session) -> SignedIn:
    return {
        "csrf_token": session.token,
        "ends_at": rfc3339(session.ends_at),
        "key_id": credential.id,
        "name": credential.name,
        "role": credential.role,
        "scopes": sorted(scope for scope in SCOPES if may(credential.role, credential.scopes, scope)),
        "organisation_name": credential.org_name,
        "version": VERSION,
    }


def _is_secure(request: Request) -> bool:
    """Whether the browser came over TLS, which a proxy may have ended."""
    # the first of several proxies is the one that the browser spoke with
    told = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in {request.url.scheme, told}
