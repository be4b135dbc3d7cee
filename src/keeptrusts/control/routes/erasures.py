"""`POST /v1/events/erasures`: events of a person go on request, and the trail says so, signed."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from keeptrusts.api.events import Erasure, ErasureDraft
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import RetentionWriter
from keeptrusts.control.services import AppServices
from keeptrusts.core.canonical import digest
from keeptrusts.store.retention import erase
from keeptrusts.store.trail import Trail, seal_upto

router = APIRouter(prefix="/v1/events", tags=["events"])

AT_ONCE: Final = 1000
"""The ids of so many are signed in one checkpoint."""


@router.post("/erasures")
def erase_events(draft: ErasureDraft, actor: RetentionWriter, services: AppServices) -> Erasure:
    """
    Delete the events of a user, whole, up to 1000; ask again while there are more.

    A signed checkpoint names their ids, so that archives made afterwards are still proven. Archives and backups that
    were made before, and records that a gateway has not sent yet, keep theirs.
    """
    user = draft["user_id"]
    with services.store.write() as tx:
        # before it is done: what is deleted has been asked for by somebody who is known; the person is not named
        record(tx, actor, "events.erase", digest(user))
    key = services.signer.key()
    with services.store.events.write() as tx:
        _, upto = seal_upto(tx.connection, actor.org, key, at=tx.now)
        gone = erase(tx.connection, actor.org, user, limit=AT_ONCE)
        trail = Trail(tx.connection, actor.org)
        if gone:
            trail.seal(key, upto, at=tx.now, erased=gone)
        number = trail.head().number
    return {"erased_count": len(gone), "has_more": len(gone) == AT_ONCE, "checkpoint": number}
