"""`/v1/escalations`: what a policy withheld until a person decides."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from annotated_types import Ge, Le, MaxLen, MinLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Number

EscalationState = Literal["queued", "claimed", "resolved", "expired"]
Outcome = Literal["approved", "denied"]
Stage = Literal["input", "output"]
Word = Annotated[str, MaxLen(200)]
Digest = Annotated[str, MinLen(71), MaxLen(71)]
Reason = Annotated[str, MinLen(1), MaxLen(2000)]
HeldText = Annotated[str, MaxLen(8 * 1024 * 1024)]
Seconds = Annotated[int, Ge(1), Le(30 * 86_400)]


class Escalation(TypedDict):
    """
    One held request (`stage` is `input`) or answer (`output`).

    `request_digest` and `held_digest` name the bytes that the decision is about; `usable_until` is how long an approval
    can be redeemed, which it can be once, at `redeemed_at`. An `expired` one counts as denied.
    """

    id: str
    state: EscalationState
    outcome: Outcome | None
    reason: str | None
    stage: Stage
    policy: str
    reason_code: str
    message: str
    event_id: str
    gateway_id: str | None
    instance_id: str | None
    configuration_id: str | None
    configuration_version: int | None
    model: str | None
    user_id: str | None
    agent_id: str | None
    key_id: str | None
    request_digest: str
    held_digest: str
    assignee: str | None
    claimed_by: str | None
    claimed_at: str | None
    resolved_by: str | None
    resolved_at: str | None
    due_at: str
    usable_until: str | None
    redeemed_at: str | None
    created_at: str
    updated_at: str


class Resolution(TypedDict):
    """POST .../resolve."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    outcome: Outcome
    reason: Reason


class HeldContent(TypedDict):
    """GET .../held. `text`: the held bytes as text; what is not UTF-8 is replaced. `digest` is of the bytes."""

    media_type: str
    digest: str
    text: str


class HeldDraft(TypedDict):
    """POST /v1/gateway/escalations. `content` is base64 of the held bytes, `held_digest` their SHA-256."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    id: Word
    event_id: Word
    instance_id: Word | None
    configuration_id: Word | None
    configuration_version: Number | None
    stage: Stage
    policy: Word
    reason_code: Word
    message: Annotated[str, MaxLen(2000)]
    request_digest: Digest
    held_digest: Digest
    media_type: Word
    content: HeldText
    assignee: Word | None
    timeout_seconds: Seconds
    model: Word | None
    user_id: Word | None
    agent_id: Word | None
    key_id: Word | None


class HeldReceipt(TypedDict):
    """It is durable."""

    id: str
    state: EscalationState


class Redemption(TypedDict):
    """
    POST /v1/gateway/escalations/{id}/redeem.

    `event_id` is that of the repeated request: the same one asking again, after an answer that was lost, gets the same.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    request_digest: Digest
    event_id: Word


class Redeemed(TypedDict):
    """
    What was decided. Only `approved` has the rest, and only once.

    `pending`: nobody decided yet. `expired`: not in time, or not redeemed in time. `spent`: it was redeemed before.
    `mismatch`: another request than the one that was held.
    """

    state: Literal["pending", "approved", "denied", "expired", "spent", "mismatch"]
    stage: NotRequired[Stage]
    policy: NotRequired[str]
    media_type: NotRequired[str]
    held_digest: NotRequired[str]
    content: NotRequired[str]
