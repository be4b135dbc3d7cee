"""`/v1/events`: recorded decisions as stored: `core.decision.Decision` plus the chain and `received_at`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired

from annotated_types import MaxLen, MinLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID

Verdict = Literal["allowed", "redacted", "escalated", "blocked", "failed"]

FILTERS: Final = (
    "verdict", "event_type", "gateway_id", "configuration_id", "model", "provider",
    "policy", "reason_code", "user_id", "agent_id", "since", "until", "q",
)  # fmt: skip


EventIds = Annotated[list[Annotated[str, MinLen(1), MaxLen(64)]], MinLen(1), MaxLen(1000)]


class Event(TypedDict):
    """
    One record of the trail. `event_type` is `decision` or `gap`.

    With `form` `keeptrusts.record.2` the hash leaves `content` out, which is null once it was erased.

    `sequence`, `prev_hash` and `hash` chain the records of one gateway instance; `received_at` is the control plane's.
    """

    id: str
    event_type: str
    timestamp: str
    received_at: str
    gateway_id: str | None
    instance_id: str
    sequence: int
    prev_hash: str | None
    hash: str
    configuration_id: str | None
    configuration_version: int | None
    config_digest: str | None
    request_id: str
    trace_id: str | None
    verdict: str
    reason_code: str
    phase: str | None
    policies: list[dict[str, Any]]
    provider: str | None
    target_id: str | None
    model: str | None
    api_format: str | None
    streamed: bool
    status: int
    latency_ms: float
    overhead_us: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    user_id: str | None
    team_id: str | None
    agent_id: str | None
    session_id: str | None
    key_id: str | None
    escalation_id: str | None
    content: dict[str, Any] | None
    content_digest: str | None
    degraded: bool
    attempts: NotRequired[list[dict[str, Any]]]
    shadow_verdict: NotRequired[str | None]
    form: NotRequired[str]


class ErasureDraft(TypedDict):
    """
    POST /v1/events/erasures: what is to go: the events of a user, or those with these ids; one of the two is given.

    `keep_events`: only their content goes, and the events stay.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    user_id: NotRequired[Annotated[str, MinLen(1), MaxLen(500)]]
    event_ids: NotRequired[EventIds]
    keep_events: NotRequired[bool]


class Erasure(TypedDict):
    """
    What went: whole events, and contents of events that stay. `checkpoint`: the number of the last one that says so.

    The content of an event that an older gateway recorded is part of what is hashed: such an event goes whole.
    """

    erased_count: int
    content_erased_count: int
    has_more: bool
    checkpoint: int


class ContentKeysDraft(TypedDict):
    """POST /v1/events/content-keys: of which events."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    event_ids: EventIds


class ContentKeys(TypedDict):
    """Event id to the base64 of the AES-256-GCM key of its content. Of what was erased there is none any more."""

    keys: dict[str, str]
