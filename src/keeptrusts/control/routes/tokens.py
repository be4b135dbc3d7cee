"""`/v1/tokens`, and the same under `/v1/api-keys`: keys of people and automation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from annotated_types import Ge, Le
from fastapi import APIRouter, Body, Response
from fastapi.routing import APIRoute
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Role
from keeptrusts.api.page import Page
from keeptrusts.api.tokens import Key, KeyDraft
from keeptrusts.control import scopes
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, TokenReader, TokenWriter
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError, allow_words
from keeptrusts.control.revisions import IfMatch, revision_of, show_revision
from keeptrusts.control.services import AppServices
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.transaction import Tx

OVERLAP_S = 24 * 3600
LONGEST_OVERLAP_S = 30 * 24 * 3600


class Rotation(TypedDict, total=False):
    """POST .../rotate. The old key goes on for `overlap` seconds beside the new one; absent: a day."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    overlap: Annotated[int, Ge(0), Le(LONGEST_OVERLAP_S)]


allow_words(["overlap"])
router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
alias = APIRouter(prefix="/v1/api-keys", tags=["tokens"])


@router.post("", status_code=201)
@transactional
def make_token(draft: KeyDraft, actor: TokenWriter, tx: Tx) -> Key:
    """A new key. `key` is in this answer and nowhere else."""
    seconds = draft.get("expires_in")
    wanted = NewKey(
        name=draft["name"],
        role=draft["role"],
        scopes=_granted(actor, draft),
        lifetime=_capped(timedelta(seconds=seconds) if seconds else None, actor, tx),
    )
    return _make(tx, actor, wanted)


@router.get("")
@transactional
def list_tokens(actor: TokenReader, tx: Tx, paging: Paging) -> Page[Key]:
    """All keys and gateway tokens, newest first, without their secrets."""
    return paging.page(Keys(tx.connection, actor.org).page(before=paging.before, limit=paging.take))


@router.get("/{token_id}")
@transactional
def read_token(token_id: str, actor: TokenReader, tx: Tx, response: Response) -> Key:
    """One key, without its secret. Its tag changes with its ends, not with each use."""
    found = Keys(tx.connection, actor.org).read(token_id)
    show_revision(response, revision_of(found))
    return found


@router.delete("/{token_id}", status_code=204)
@transactional
def revoke_token(token_id: str, actor: TokenWriter, tx: Tx, precondition: IfMatch, services: AppServices) -> None:
    """From now on the key is refused (by other replicas within 15 s)."""
    mine = Keys(tx.connection, actor.org)
    before = mine.read(token_id)
    precondition.check(revision_of(before))
    mine.revoke(token_id, at=tx.now)
    record(tx, actor, "token.revoke", token_id, before={**before}, after={**mine.read(token_id)})
    tx.after_commit(lambda: services.credentials.forget(token_id))


@router.post("/{token_id}/rotate", status_code=201)
@transactional
def rotate_token(
    token_id: str,
    rotation: Annotated[Rotation, Body(default_factory=dict)],
    actor: TokenWriter,
    tx: Tx,
    services: AppServices,
    *,
    precondition: IfMatch,
) -> Key:
    """A new key that may do what the old one may; the old one ends after `overlap` seconds."""
    mine = Keys(tx.connection, actor.org)
    old = mine.read(token_id)
    precondition.check(revision_of(old))
    if old["revoked_at"] is not None:
        raise ProblemError(409, "revoked", "the key is revoked; make a new one with `POST /v1/tokens`")
    _refuse_more(actor, old["role"], old["scopes"])
    # a key that ends renews itself for as long as it was made for, and makes none that does not end
    lifetime = mine.lifetime(token_id)
    if lifetime is None or token_id != actor.key_id:
        lifetime = _capped(lifetime, actor, tx)
    mine.expire(token_id, at=tx.now + timedelta(seconds=rotation.get("overlap", OVERLAP_S)))
    record(tx, actor, "token.rotate", token_id, before={**old}, after={**mine.read(token_id)})
    tx.after_commit(lambda: services.credentials.forget(token_id))
    wanted = NewKey(
        name=old["name"],
        role=old["role"],
        kind="gw" if old["gateway_id"] else "key",
        scopes=old["scopes"],
        gateway_id=old["gateway_id"],
        lifetime=lifetime,
    )
    return _make(tx, actor, wanted)


def _make(tx: Tx, actor: Actor, wanted: NewKey) -> Key:
    key, token = Keys(tx.connection, actor.org).make(wanted, at=tx.now)
    record(tx, actor, "token.create", key["id"], after={**key})
    return {**key, "key": token}


def _capped(lifetime: timedelta | None, actor: Actor, tx: Tx) -> timedelta | None:
    """Nobody makes a key that outlives their own."""
    if actor.expires_at is None:
        return lifetime
    left = actor.expires_at - tx.now
    return left if lifetime is None else min(lifetime, left)


def _granted(actor: Actor, draft: KeyDraft) -> list[str]:
    """Nobody hands out what they do not have themselves."""
    wanted = draft.get("scopes", [])
    if any(scope not in scopes.SCOPES for scope in wanted):
        known = ", ".join(f"`{scope}`" for scope in sorted(scopes.SCOPES))
        raise ProblemError(422, "unknown_scope", f"there is no such scope; there are {known}")
    if not all(scopes.may(draft["role"], (), scope) for scope in wanted):
        raise ProblemError(422, "scope_beyond_role", "a scope is beyond the role; scopes can only narrow it")
    _refuse_more(actor, draft["role"], wanted)
    return sorted(set(wanted))


def _refuse_more(actor: Actor, role: Role, narrowed: Iterable[str]) -> None:
    # what only gateways may do, whoever may make a gateway's key may hand out
    effective = (set(narrowed) or set(scopes.SCOPES_OF[role])) - {scopes.VARIABLES_USE}
    if not all(actor.may(scope) for scope in effective):
        raise ProblemError(403, "forbidden", "the new key could do more than yours; narrow its `scopes`")


# not `include_router`: a route would not know its prefix, and `/metrics` would count it without
for each in router.routes:
    assert isinstance(each, APIRoute)
    alias.add_api_route(
        each.path.removeprefix(router.prefix),
        each.endpoint,
        methods=list(each.methods or ()),
        status_code=each.status_code,
        include_in_schema=False,
    )
