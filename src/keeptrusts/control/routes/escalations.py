"""`/v1/escalations` and `/v1/gateway/escalations`: what waits for a person, who decides, and who gets it then."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from keeptrusts.api.escalations import (
    Escalation,
    EscalationState,
    HeldContent,
    HeldDraft,
    HeldReceipt,
    Outcome,
    Redeemed,
    Redemption,
    Resolution,
)
from keeptrusts.api.page import Page
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, EscalationReader, EscalationWriter, Runtime
from keeptrusts.control.mailing import tell_assignee
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.revisions import IfMatch, show_revision
from keeptrusts.control.routes.runtime import read_gateway_id
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.ids import ESCALATION, is_id
from keeptrusts.store.escalations import Escalations, NewEscalation, Reviewer, StoredEscalation
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1", tags=["escalations"])

Word = Annotated[str | None, Query(max_length=200)]
GatewayHeader = Annotated[str | None, Header(alias="X-Keeptrusts-Gateway-Id", max_length=64)]


@router.get("/escalations")
@transactional
def list_escalations(
    actor: EscalationReader,
    tx: Tx,
    paging: Paging,
    services: AppServices,
    *,
    state: Annotated[EscalationState | None, Query()] = None,
    outcome: Annotated[Outcome | None, Query()] = None,
    gateway_id: Word = None,
    configuration_id: Word = None,
    policy: Word = None,
    assignee: Word = None,
    claimed_by: Word = None,
    user_id: Word = None,
) -> Page[Escalation]:
    """All escalations, newest first."""
    given = {
        "state": state,
        "outcome": outcome,
        "gateway_id": gateway_id,
        "configuration_id": configuration_id,
        "policy": policy,
        "assignee": assignee,
        "claimed_by": claimed_by,
        "user_id": user_id,
    }
    matching = {name: value for name, value in given.items() if value is not None}
    mine = _mine(tx, actor, services)
    return paging.page(mine.page(before=paging.before, limit=paging.take, matching=matching))


@router.get("/escalations/{escalation_id}")
@transactional
def read_escalation(
    escalation_id: str, actor: EscalationReader, tx: Tx, response: Response, services: AppServices
) -> Escalation:
    """One escalation, without what is held."""
    return _shown(_mine(tx, actor, services).read(escalation_id), response)


@router.get("/escalations/{escalation_id}/held")
@transactional
def read_held(escalation_id: str, actor: EscalationWriter, tx: Tx, services: AppServices) -> HeldContent:
    """What is held, for whoever is to decide: the request or the answer as it would go out."""
    found = _mine(tx, actor, services).held(escalation_id)
    return {
        "media_type": found.media_type,
        "digest": found.held_digest,
        "text": found.held.decode(errors="replace"),
    }


@router.post("/escalations/{escalation_id}/claim")
@transactional
def claim_escalation(
    escalation_id: str, actor: EscalationWriter, tx: Tx, response: Response, services: AppServices, *, seen: IfMatch
) -> Escalation:
    """Take it on; only whoever claimed it, or an admin, decides or gives it back."""
    before = _before(tx, actor, services, escalation_id, seen)
    after = _mine(tx, actor, services).claim(escalation_id, _reviewer(actor), at=tx.database_now())
    return _told(tx, actor, "claim", before, after, response)


@router.post("/escalations/{escalation_id}/unclaim")
@transactional
def unclaim_escalation(
    escalation_id: str, actor: EscalationWriter, tx: Tx, response: Response, services: AppServices, *, seen: IfMatch
) -> Escalation:
    """Give it back to the queue."""
    before = _before(tx, actor, services, escalation_id, seen)
    after = _mine(tx, actor, services).unclaim(escalation_id, _reviewer(actor), at=tx.database_now())
    return _told(tx, actor, "unclaim", before, after, response)


@router.post("/escalations/{escalation_id}/resolve")
@transactional
def resolve_escalation(
    escalation_id: str,
    resolution: Resolution,
    actor: EscalationWriter,
    tx: Tx,
    response: Response,
    services: AppServices,
    *,
    seen: IfMatch,
) -> Escalation:
    """Approve or deny, with the reason. An approval is of the held bytes alone, and can be redeemed once in 24 h."""
    if not resolution["reason"].strip():
        raise ProblemError(422, "invalid_input", "`reason` must say something: it is what remains of the decision")
    before = _before(tx, actor, services, escalation_id, seen)
    after = _mine(tx, actor, services).resolve(
        escalation_id, _reviewer(actor), resolution["outcome"], resolution["reason"], at=tx.database_now()
    )
    return _told(tx, actor, "resolve", before, after, response)


@router.post("/gateway/escalations", status_code=201)
@transactional
def take_held(
    draft: HeldDraft, actor: Runtime, tx: Tx, services: AppServices, gateway: GatewayHeader = None
) -> HeldReceipt:
    """Take in what a gateway held. The same again changes nothing."""
    if not is_id(draft["id"], ESCALATION):
        raise ProblemError(422, "invalid_input", "`id` must be an escalation's id")
    stored, fresh = _mine(tx, actor, services).open(_new(draft, _gateway_of(actor, gateway)), at=tx.database_now())
    if fresh:
        tx.publish(actor.org, "escalation.created", {**stored.shown})
        tell_assignee(tx, services, actor.org, stored.shown)
    return {"id": stored.shown["id"], "state": stored.shown["state"]}


@router.post("/gateway/escalations/{escalation_id}/redeem")
@transactional
def redeem_escalation(
    escalation_id: str,
    asked: Redemption,
    actor: Runtime,
    tx: Tx,
    services: AppServices,
    gateway: GatewayHeader = None,
) -> Redeemed:
    """What was decided, for the request it was held for; what an approval releases is given out once."""
    state, release = _mine(tx, actor, services).redeem(
        escalation_id,
        gateway_id=_gateway_of(actor, gateway),
        request_digest=asked["request_digest"],
        event_id=asked["event_id"],
        at=tx.database_now(),
    )
    found: Redeemed = {"state": state}  # type: ignore[typeddict-item]  # the store says these words alone
    if release is not None:
        record(tx, actor, "escalation.redeem", escalation_id)
        found["stage"] = release.stage  # type: ignore[typeddict-item]  # it came in as one
        found["policy"] = release.policy
        found["media_type"] = release.media_type
        found["held_digest"] = release.held_digest
        found["content"] = base64.b64encode(release.held).decode()
    return found


def _mine(tx: Tx, actor: Actor, services: Services) -> Escalations:
    return Escalations(tx.connection, actor.org, services.sealer)


def _reviewer(actor: Actor) -> Reviewer:
    return Reviewer(actor.name, actor.key_id, may_overrule=actor.role == "admin")


def _gateway_of(actor: Actor, named: str | None) -> str | None:
    """An API key may speak for no gateway in particular; a gateway token speaks for its own alone."""
    return None if actor.gateway_id is None and named is None else read_gateway_id(actor, named)


def _before(tx: Tx, actor: Actor, services: Services, identifier: str, seen: IfMatch) -> StoredEscalation:
    found = _mine(tx, actor, services).read(identifier)
    seen.check(found.revision)
    return found


def _told(
    tx: Tx, actor: Actor, verb: str, before: StoredEscalation, after: StoredEscalation, response: Response
) -> Escalation:
    if after.revision != before.revision:
        record(tx, actor, f"escalation.{verb}", after.shown["id"], before={**before.shown}, after={**after.shown})
        news = {"claim": "escalation.claimed", "resolve": "escalation.resolved"}.get(verb)
        if news is not None:
            tx.publish(actor.org, news, {**after.shown})
    return _shown(after, response)


def _new(draft: HeldDraft, gateway_id: str | None) -> NewEscalation:
    try:
        held = base64.b64decode(draft["content"], validate=True)
    except (binascii.Error, ValueError):
        raise ProblemError(422, "invalid_input", "`content` must be base64") from None
    if "sha256:" + hashlib.sha256(held).hexdigest() != draft["held_digest"]:
        raise ProblemError(422, "digest_mismatch", "`held_digest` is not the SHA-256 of `content`")
    plain = {name: value for name, value in draft.items() if name != "content"}
    return NewEscalation(gateway_id=gateway_id, held=held, **plain)  # type: ignore[arg-type]  # the draft's own names


def _shown(stored: StoredEscalation, response: Response) -> Escalation:
    show_revision(response, stored.revision)
    return stored.shown
