"""`/v1/trail/checkpoints` and `/v1/trail/proof`: what proves the events. `runtime` has the keys."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from keeptrusts.api.page import Page
from keeptrusts.api.trail import InclusionProof, SignedCheckpoint
from keeptrusts.control.auth import TrailReader
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import EVENT, is_id
from keeptrusts.store.trail import Trail
from keeptrusts.store.transaction import Tx

HIGHEST_NUMBER: Final = 2**31 - 1
"""Of a checkpoint, in both engines."""

router = APIRouter(prefix="/v1/trail", tags=["trail"])


@router.get("/checkpoints")
@transactional
def list_checkpoints(actor: TrailReader, tx: Tx, paging: Paging) -> Page[SignedCheckpoint]:
    """Signed checkpoints, newest first: each names the Merkle root of a segment and the checkpoint before it."""
    before = paging.before
    if before is not None and not (before.isdecimal() and int(before) <= HIGHEST_NUMBER):
        raise ProblemError(422, "invalid_cursor", "`cursor` is not one that a list gave; start without it")
    rows = Trail(tx.events, actor.org).page(before=int(before) if before else None, limit=paging.take)
    return paging.page(rows, key=lambda row: str(row["number"]))


@router.get("/proof/{event_id}")
@transactional
def prove_event(event_id: str, actor: TrailReader, tx: Tx) -> InclusionProof:
    """That an event is in a signed checkpoint. 409 `not_sealed` within about a minute of its arrival."""
    if not is_id(event_id, EVENT):
        raise NotFoundError("there is no such event")
    return Trail(tx.events, actor.org).prove(event_id)
