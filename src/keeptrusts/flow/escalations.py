"""
What a policy escalates: held until a person has decided, and given out once when the decision is yes.

An approval is of the bytes that were held, for the same request of the same caller. A held request goes on with it,
past the kinds that escalated it and no others; a held answer is given out as it was, and no provider is asked again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.errors import ApiError, SpoolFullError
from keeptrusts.core.exchange import Phase
from keeptrusts.core.ids import ESCALATION, is_id
from keeptrusts.core.verdict import Allow, Block, Escalate
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import Effect, Flow, Respond
from keeptrusts.flow.replies import VIOLATION, Refusal, common_headers, put_on_record, respond_whole
from keeptrusts.policy.engine import ANSWER_PHASES, REQUEST_PHASES, Judgement

HEADER: Final = "x-keeptrusts-escalation"
REQUIRED: Final = "escalation_required"
APPROVED: Final = "escalation_approved"
MAX_HELD_BYTES: Final = 5 * 1024 * 1024
"""What is larger cannot be handed to a person, so it is refused instead."""
ASK_AGAIN_S: Final = 15
_AND: Final = ", "
_PHASES: Final = {"input": REQUEST_PHASES, "output": ANSWER_PHASES}
Stage: TypeAlias = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes that are held: a request as it came, or an answer as the policies left it."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    Something that waits for a person. `request_digest` names the request and its caller.

    Args:
        policy: The kinds that escalated it, with a comma between.
    """

    id: str
    event_id: str
    stage: Stage
    policy: str
    verdict: Escalate
    request_digest: str
    content: Content
    model: str | None
    user_id: str | None
    agent_id: str | None
    key_id: str | None
    instance_id: str | None
    configuration_id: str | None
    configuration_version: int | None


@dataclass(frozen=True, slots=True)
class Hold(Effect[bool]):
    """
    Keep it until somebody decides; returns when it is durable here, and whether there is anybody who could decide.

    Raises:
        SpoolFullError: It cannot be kept, so nobody could ever decide.
    """

    held: Held


@dataclass(frozen=True, slots=True)
class Decided:
    """
    What was decided.

    Args:
        state: As in `api.escalations.Redeemed`, or `unknown`. Only `approved` has the rest.
    """

    state: str
    stage: Stage = "output"
    policy: str = ""
    content: Content = Content("", b"")


@dataclass(frozen=True, slots=True)
class Redeem(Effect[Decided]):
    """
    Ask what was decided of an escalation; an approval is used up by it.

    Raises:
        ApiError: There is no control plane to ask, or it does not answer.
    """

    escalation_id: str
    request_digest: str
    event_id: str


def hold(notes: Notes, refusal: Refusal, stage: Stage, content: Content | None) -> Flow[Refusal]:
    """
    Hold what was escalated just now; any other refusal passes.

    Args:
        content: None when the answer was cut on its way, so that nothing whole is there to be given out.
    """
    verdict = notes.verdict
    fresh = notes.escalation_id == notes.arrival.escalation_id
    if refusal.code != REQUIRED or not fresh or not isinstance(verdict, Escalate):
        return refusal
    if content is None or len(content.body) > MAX_HELD_BYTES:
        notes.escalation_id = None
        return replace(refusal, code=f"{stage}_blocked", message=f"{verdict.message}, and it cannot be held for one")
    try:
        kept = yield from Hold(_held(notes, refusal, verdict, stage, content))
    except SpoolFullError as full:
        notes.escalation_id = None
        return Refusal(503, "overloaded", full.code, "it cannot be held, so no answer is given", None, _again(5))
    if not kept:
        return refusal
    how = f"once that is approved, repeat the same request with the header `{HEADER}: {notes.escalation_id}`"
    return replace(refusal, message=f"{verdict.message}; {how}")


def decided_before(notes: Notes) -> Flow[Decided | Refusal | None]:
    """What a person decided of this very request, when it says of which escalation; None when it does not say."""
    named = next((value for name, value in notes.arrival.headers if name == HEADER), None)
    if named is None:
        return None
    if not is_id(named, ESCALATION):
        return _refused(notes, "escalation_unknown")
    try:
        decided = yield from Redeem(named, request_digest(notes), notes.arrival.event_id)
    except ApiError:
        notes.fail("control_plane_unreachable")
        message = "it cannot be asked what was decided; try again"
        return Refusal(503, "overloaded", "control_plane_unreachable", message, None, _again(5))
    notes.escalation_id = None if decided.state == "unknown" else named
    return decided if decided.state == "approved" else _undecided(notes, decided.state)


def give_out(notes: Notes, decided: Decided) -> Flow[None]:
    """Record, then answer with what was held."""
    notes.reason = APPROVED
    unrecorded = yield from put_on_record(notes, 200)
    if unrecorded is not None:
        yield from respond_whole(notes, unrecorded.status, unrecorded.body(notes), unrecorded)
        return
    headers = (("content-type", decided.content.media_type), *common_headers(notes, whole=True))
    yield from Respond(200, headers, decided.content.body)


def as_decided(notes: Notes, said: Judgement, decided: Decided | None) -> Judgement:
    """What the chain said of a request, unless a person has approved all that escalated it."""
    if decided is None or not isinstance(said.verdict, Escalate):
        return said
    if not set(_escalated(said.results)).issubset(decided.policy.split(_AND)):
        return said
    notes.reason = APPROVED
    return replace(said, verdict=Allow(code=APPROVED), kind=None, phase=None)


def _escalated(results: Iterable[PolicyResult]) -> Iterable[str]:
    """The kinds that want a person, in their order."""
    return dict.fromkeys(one.kind for one in results if one.verdict == "escalated" and one.mode != "shadow")


def request_digest(notes: Notes) -> str:
    """Of the body, where it was sent, and by whom: nobody redeems what another asked for."""
    arrival = notes.arrival
    whole = hashlib.sha256()
    for part in (arrival.path, arrival.caller.key_id or "", arrival.caller.user_id or ""):
        encoded = part.encode()
        whole.update(len(encoded).to_bytes(4, "big") + encoded)
    whole.update(arrival.body)
    return f"sha256:{whole.hexdigest()}"


_WHY: Final = {
    "escalation_unknown": "there is no such escalation of this gateway",
    "escalation_denied": "a person has decided against it",
    "escalation_expired": "nobody decided in time, or the approval was not used in time",
    "escalation_spent": "the approval was used already; ask without it for a new decision",
    "escalation_mismatch": "the decision is about another request; repeat the one that was held, byte for byte",
}


def _undecided(notes: Notes, state: str) -> Refusal:
    if state != "pending":
        return _refused(notes, f"escalation_{state}")
    message = "nobody has decided yet; repeat the request later"
    notes.judge(Judgement(Escalate("escalation_pending", message), phase=Phase.INPUT))
    return Refusal(409, VIOLATION, REQUIRED, message, None, _again(ASK_AGAIN_S))


def _refused(notes: Notes, code: str) -> Refusal:
    message = _WHY.get(code, "the decision cannot be used")
    notes.judge(Judgement(Block(code, message), phase=Phase.INPUT))
    return Refusal(409, VIOLATION, code, message)


def _held(notes: Notes, refusal: Refusal, verdict: Escalate, stage: Stage, content: Content) -> Held:
    arrival, snapshot = notes.arrival, notes.snapshot
    if stage == "output" and verdict.assignee is None and notes.target is not None:
        verdict = replace(verdict, assignee=notes.target.assignee)
    return Held(
        id=arrival.escalation_id,
        event_id=arrival.event_id,
        stage=stage,
        policy=_AND.join(_escalated(one for one in notes.results if one.phase in _PHASES[stage]))
        or refusal.policy
        or "",
        verdict=verdict,
        request_digest=request_digest(notes),
        content=content,
        model=notes.model,
        user_id=arrival.caller.user_id,
        agent_id=arrival.caller.agent_id,
        key_id=arrival.caller.key_id,
        instance_id=snapshot.instance_id,
        configuration_id=snapshot.configuration_id,
        configuration_version=snapshot.configuration_version,
    )


def _again(seconds: int) -> tuple[tuple[str, str], ...]:
    return (("retry-after", str(seconds)),)
