"""
The decision record: what the gateway did with one request. It becomes the event of the control plane.

`as_event` gives the JSON object that is recorded. Its place in the chain (`sequence`, `prev_hash`, `hash`) comes from
the spool, which alone knows the order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One question that a kind put to somebody else.

    Args:
        outcome: `answered`, or why the answer could not be used (policy/asking.py).
        status: HTTP status; 0 when none came.
        digest: `sha256:` of the answer's body; None when it did not come whole.
    """

    outcome: str
    status: int = 0
    latency_us: int = 0
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """
    What one kind said in one phase.

    Args:
        verdict: `allowed`, `redacted`, `escalated`, `blocked` or `skipped`.
        latency_us: Microseconds spent in it.
        findings: Category to count; never text.
        asked: What it asked of others, and what came of it; named in JSON only when there is something.
        log_level: At which the gateway's own log tells of it; None: it does not. Not part of the record.
    """

    kind: str
    phase: str
    verdict: str
    reason_code: str
    mode: str = "enforce"
    latency_us: int = 0
    findings: tuple[tuple[str, int], ...] = ()
    asked: tuple[Asked, ...] = ()
    log_level: str | None = None

    def as_json(self) -> dict[str, Any]:
        line: dict[str, Any] = {
            "kind": self.kind,
            "phase": self.phase,
            "verdict": self.verdict,
            "reason_code": self.reason_code,
            "mode": self.mode,
            "latency_us": self.latency_us,
            "findings": [{"category": category, "count": count} for category, count in self.findings],
        }
        return line | {"asked": [asdict(one) for one in self.asked]} if self.asked else line


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One try of one target.

    Args:
        outcome: `answered`; a trigger of `providers.fallback`; `refused` for any other status from 400 on; `garbled`;
            `unavailable` when nothing was sent: its circuit is open, or its key is missing.
        status: HTTP status of the provider; None when none came.
        latency_ms: Until the head of the answer or the failure; of answers that are not streamed, until their end.
    """

    target_id: str
    provider: str
    outcome: str
    status: int | None = None
    latency_ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        # By hand: every request of a gateway makes one, and `dataclasses.asdict` copies deeply.
        return {
            "target_id": self.target_id,
            "provider": self.provider,
            "outcome": self.outcome,
            "status": self.status,
            "latency_ms": self.latency_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    One request, from first byte to last.

    Args:
        timestamp: RFC 3339, UTC, microseconds: when the request was complete.
        verdict: The most severe of the policies' verdicts (`allowed|redacted|escalated|blocked`); `failed` when no
            policy objected and the upstream or the client did not see it through.
        status: HTTP status the client got; 499 when it left before.
        overhead_us: Microseconds of `latency_ms` that were ours.
        content: What `audit-logger.content` lets stay; None otherwise.
        shadow_verdict: What the verdict would have been with the kinds in shadow enforced; None when none was.
        behind_chars: Most characters by which the client of a stream was behind the model. Not recorded.
        parent_span_id: The caller's span, in the trace that it named. Not recorded.
        degraded: A policy failed, and `--fail-mode allow` or a setting of its own let the request pass.
    """

    id: str
    timestamp: str
    request_id: str
    verdict: str
    reason_code: str
    status: int
    event_type: str = "decision"
    phase: str | None = None
    gateway_id: str | None = None
    instance_id: str | None = None
    configuration_id: str | None = None
    configuration_version: int | None = None
    config_digest: str | None = None
    trace_id: str | None = None
    policies: tuple[PolicyResult, ...] = ()
    provider: str | None = None
    target_id: str | None = None
    model: str | None = None
    api_format: str | None = None
    streamed: bool = False
    latency_ms: float = 0.0
    overhead_us: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    user_id: str | None = None
    team_id: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    escalation_id: str | None = None
    content: dict[str, Any] | None = None
    content_digest: str | None = None
    degraded: bool = False
    attempts: tuple[Attempt, ...] = ()
    shadow_verdict: str | None = None
    behind_chars: int | None = None
    parent_span_id: str | None = None

    def as_event(self) -> dict[str, Any]:
        """Plain JSON, every field of the record present."""
        event = {name: getattr(self, name) for name in _DECISION_FIELDS}
        event["attempts"] = [attempt.as_json() for attempt in self.attempts]
        return event | {"policies": [result.as_json() for result in self.policies]}


_UNRECORDED = frozenset({"behind_chars", "parent_span_id"})
# Taken once: every request of a gateway makes a record.
_DECISION_FIELDS = tuple(one.name for one in fields(Decision) if one.name not in _UNRECORDED)
