"""
`POST /v1/events/erasures`: events, or their contents, go on request, and the trail says so, signed.

`POST /v1/events/content-keys`: the keys of contents in archives, as long as there are any.
"""

from __future__ import annotations

import base64
from typing import Final

from fastapi import APIRouter
from sqlalchemy import ColumnElement

from keeptrusts.api.events import ContentKeys, ContentKeysDraft, Erasure, ErasureDraft
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import EventReader, RetentionWriter
from keeptrusts.control.problem import ProblemError, allow_words
from keeptrusts.control.services import AppServices
from keeptrusts.core.canonical import digest
from keeptrusts.store import content_keys
from keeptrusts.store.engine import empty_log, overwrite_deleted
from keeptrusts.store.retention import erase, erase_contents, holds_content
from keeptrusts.store.tables import events
from keeptrusts.store.trail import Erased, Trail, seal_upto
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1/events", tags=["events"])

AT_ONCE: Final = 1000
"""The ids of so many are signed in one checkpoint."""

allow_words(["user_id", "event_ids", "keep_events"])


@router.post("/erasures")
def erase_events(draft: ErasureDraft, actor: RetentionWriter, services: AppServices) -> Erasure:
    """
    Delete events, whole, up to 1000; ask again while there are more. With `keep_events` only their contents go.

    The keys of the contents are destroyed: no replica, backup or encrypted archive can be read any more. A signed
    checkpoint names the ids, so that archives are still proven. Archives in the clear, and records that a gateway has
    not sent yet, keep theirs.
    """
    whose, named = _whose(draft)
    with services.store.write() as tx:
        # before it is done: what is deleted has been asked for by somebody who is known; the person is not named
        record(tx, actor, "events.erase", named)
    key = services.signer.key()
    with services.store.events.write() as tx:
        overwrite_deleted(tx.connection)
        _, upto = seal_upto(tx.connection, actor.org, key, at=tx.now)
        gone = _erase(tx, actor.org, whose, keep=draft.get("keep_events", False))
        trail = Trail(tx.connection, actor.org)
        if gone.events or gone.contents:
            trail.seal(key, upto, at=tx.now, erased=gone)
        number = trail.head().number
    empty_log(services.store.events.engine)
    return {
        "erased_count": len(gone.events),
        "content_erased_count": len(gone.contents),
        "has_more": AT_ONCE in {len(gone.events), len(gone.contents)},
        "checkpoint": number,
    }


@router.post("/content-keys")
def read_content_keys(draft: ContentKeysDraft, actor: EventReader, services: AppServices) -> ContentKeys:
    """The keys of contents that an archive holds encrypted. Each is of one content and opens nothing else."""
    identifiers = draft["event_ids"]
    with services.store.write() as tx:
        record(tx, actor, "events.open", digest(identifiers))
    with services.store.events.read() as tx:
        found = content_keys.ContentKeys(tx.connection, actor.org).of(identifiers, services.sealer)
    return {"keys": {one: base64.b64encode(key).decode() for one, key in found.items()}}


def _whose(draft: ErasureDraft) -> tuple[ColumnElement[bool], str]:
    """Which events, and what the audit log says of it."""
    user, identifiers = draft.get("user_id"), draft.get("event_ids")
    if user is not None and identifiers is None:
        return events.c.user_id == user, digest(user)
    if identifiers is not None and user is None:
        return events.c.id.in_(identifiers), digest(identifiers)
    raise ProblemError(422, "invalid_input", "give either `user_id` or `event_ids`")


def _erase(tx: Tx, org: str, whose: ColumnElement[bool], *, keep: bool) -> Erased:
    if not keep:
        return Erased(events=erase(tx.connection, org, whose, limit=AT_ONCE))
    return Erased(
        events=erase(tx.connection, org, whose & holds_content(), limit=AT_ONCE),
        contents=erase_contents(tx.connection, org, whose, limit=AT_ONCE),
    )
