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


class Event(TypedDict):
    """
    One record of the trail. `event_type` is `decision` or `gap`.

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


class ErasureDraft(TypedDict):
    """POST /v1/events/erasures: whose events are to go."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    user_id: Annotated[str, MinLen(1), MaxLen(500)]


class Erasure(TypedDict):
    """What went. `checkpoint`: the number of the last one that says so."""

    erased_count: int
    has_more: bool
    checkpoint: int
