"""Answers that the gateway gives itself: refusals in the client's form, and the fields that every answer carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keeptrusts.core.errors import SpoolFullError
from keeptrusts.core.verdict import NAMES, Block, Escalate
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import Flow, Headers, Record, Respond
from keeptrusts.policy.engine import Judgement

JSON: Final[Headers] = (("content-type", "application/json"),)
VIOLATION: Final = "policy_violation"
DO_NOT_REPEAT: Final[Headers] = (("x-should-retry", "false"),)
_LASTING: Final = frozenset({"no_compliant_provider", "configuration_disabled", "upstream_credential"})
"""What the same request would meet again, until somebody changes the configuration or a key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why a request gets no answer of a model.

    Args:
        policy: The kind that objected.
    """

    status: int
    error_type: str
    code: str
    message: str
    policy: str | None = None
    headers: Headers = ()

    def body(self, notes: Notes) -> bytes:
        """In the error form of the format that the client speaks."""
        return notes.dialect.error_body(
            error_type=self.error_type,
            code=self.code,
            message=self.message,
            policy=self.policy,
            request_id=notes.arrival.request_id,
            event_id=notes.arrival.event_id,
            escalation_id=notes.escalation_id,
        )


def objection(notes: Notes, said: Judgement, stage: str) -> Refusal | None:
    """The refusal that the policies' judgement means, if it is one. `stage` is `input` or `output`."""
    verdict = said.verdict
    if isinstance(verdict, Escalate):
        notes.escalation_id = notes.arrival.escalation_id
        return Refusal(409, VIOLATION, "escalation_required", verdict.message, said.kind)
    if isinstance(verdict, Block):
        return Refusal(409, VIOLATION, f"{stage}_blocked", verdict.message, said.kind)
    return None


def put_on_record(notes: Notes, status: int) -> Flow[Refusal | None]:
    """Make the one record, with the status that the client gets; what to answer instead when that cannot be done."""
    refusal = None
    try:
        yield from Record(notes.decision(status))
    except SpoolFullError as full:
        message = "the decision cannot be recorded, so no answer is given"
        refusal = Refusal(503, "overloaded", full.code, message, None, (("retry-after", "5"),))
    notes.settled = True
    return refusal


def respond_whole(notes: Notes, status: int, body: bytes, refusal: Refusal | None = None) -> Flow[None]:
    """Answer in one piece; the record must have been made."""
    extra = (*refusal.headers, *_again(refusal)) if refusal else ()
    yield from Respond(status, (*JSON, *common_headers(notes, whole=True), *extra), body)


def _again(refusal: Refusal) -> Headers:
    """Clients of OpenAI's and Anthropic's repeat a 409 and any 5xx by themselves, unless they are told not to."""
    return DO_NOT_REPEAT if refusal.status == 409 or refusal.code in _LASTING else ()


def common_headers(notes: Notes, *, whole: bool) -> Headers:
    """What every governed answer tells about itself. The overhead is known only of whole ones."""
    policy = notes.snapshot.policy
    version = notes.snapshot.configuration_version or policy.version
    headers = [
        ("x-request-id", notes.arrival.request_id),
        ("x-keeptrusts-event-id", notes.arrival.event_id),
        ("x-keeptrusts-config", f"{version}@{policy.digest}"),
    ]
    if notes.dialect.id_header:
        headers.append((notes.dialect.id_header, notes.arrival.request_id))
    headers += notes.quota_headers
    if whole:
        headers.append(("x-keeptrusts-verdict", NAMES[type(notes.verdict)]))
        headers.append(("x-keeptrusts-overhead-ms", f"{notes.overhead_us / 1000:.3f}"))
    return tuple(headers)
