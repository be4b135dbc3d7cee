"""The decision record of one flow, filled in as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from keeptrusts.core.decision import Attempt, Decision, PolicyResult
from keeptrusts.core.exchange import Caller, Phase, Text
from keeptrusts.core.verdict import NAMES, PASSED, Allow, Edit, Match, Verdict, apply_edits, severity
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.costs import cost_usd
from keeptrusts.flow.effects import Headers, Meter
from keeptrusts.policy.compiled import TargetSettings
from keeptrusts.policy.engine import Clock, Judgement
from keeptrusts.trail.record_json import record_digest
from keeptrusts.wire.dialects import CHAT, Dialect
from keeptrusts.wire.readings import Usage
from keeptrusts.wire.translation import Asked

MAX_CONTENT_CHARS: Final = 16_384
CUT: Final = "[...]"


@dataclass(frozen=True, slots=True)
class Taken:
    """Quota that was taken, and is to be set right. `asked`: tokens of the request, by its length."""

    meters: tuple[Meter, ...]
    at_ms: int
    asked: int


@dataclass(slots=True)
class Notes:
    """
    What is known of a request so far. `decision` turns it into the record.

    Args:
        waited_ns: Of the time since the request was complete, what the provider took to answer and the client to read.
        counts_apart: The client wants the counts of a stream in a chunk of their own.
        packed: It wants vectors in base64.
        json_mode: It wants a JSON object.
        behind_chars: Most characters by which the client of a stream was behind the model.
        said_chars: How many characters of the answer were received or passed on.
        settled: The record was made, or could not be: there will be no other.
    """

    arrival: Arrival
    snapshot: Snapshot
    clock: Clock
    began_ns: int
    dialect: Dialect = CHAT
    model: str | None = None
    streamed: bool = False
    counts_apart: bool = False
    packed: bool = False
    json_mode: bool = False
    target: TargetSettings | None = None
    results: list[PolicyResult] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Allow)
    reason: str = PASSED
    phase: Phase | None = None
    degraded: bool = False
    usage: Usage = field(default_factory=Usage)
    waited_ns: int = 0
    settled: bool = False
    escalation_id: str | None = None
    failure: str | None = None
    user: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    taken: Taken | None = None
    quota_headers: Headers = ()
    behind_chars: int | None = None
    said_chars: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    answered: list[dict[str, str]] = field(default_factory=list)

    def judge(self, said: Judgement) -> None:
        """Take in what the chain said in one of its walks."""
        self.results += said.results
        self.degraded = self.degraded or said.degraded
        if severity(said.verdict) > severity(self.verdict):
            self.verdict, self.phase, self.reason = said.verdict, said.phase, said.verdict.code

    def fail(self, code: str) -> None:
        """The request was not seen through, though no policy objected."""
        self.failure = code

    def keep_request(self, texts: Iterable[Text], said: Judgement) -> None:
        """Keep of the request what `audit-logger.content` lets stay; the `user` that it names, as it may be said."""
        told = tuple(texts)
        self.asked = self._kept(told, said)
        named = next((text for text in told if text.place in _USER_PLACES), None)
        if named is not None and self.snapshot.policy.audit.content != "full":
            self.user = _redacted(named, said)

    def keep_answer(self, texts: Iterable[Text], said: Judgement) -> None:
        """Keep of the answer what `audit-logger.content` lets stay."""
        self.answered = self._kept(texts, said)

    @property
    def named(self) -> Asked:
        """What an answer says that its provider does not."""
        arrived = self.arrival.received_us // 1_000_000
        return Asked(self.model or "", self.arrival.request_id, arrived, self.counts_apart, self.packed, self.json_mode)

    @property
    def cost_usd(self) -> float | None:
        """What the answer cost by the prices of its target; None where those or the tokens are not known."""
        pricing = self.target.pricing if self.target else None
        return cost_usd(pricing, self.usage) if pricing else None

    @property
    def overhead_us(self) -> int:
        """Microseconds so far that were ours."""
        return max(0, self.clock() - self.began_ns - self.waited_ns) // 1000

    def decision(self, status: int) -> Decision:
        """The record, with the status that the client gets."""
        arrival, snapshot = self.arrival, self.snapshot
        target = self.target.target if self.target else None
        failed = self.failure is not None and severity(self.verdict) < WITHHELD
        content, content_digest = self._content()
        return Decision(
            id=arrival.event_id,
            timestamp=_rfc3339(arrival.received_us),
            request_id=arrival.request_id,
            trace_id=arrival.trace_id,
            verdict="failed" if failed else NAMES[type(self.verdict)],
            reason_code=self.failure if failed and self.failure else self.reason,
            phase=self.phase,
            status=status,
            gateway_id=snapshot.gateway_id,
            instance_id=snapshot.instance_id,
            configuration_id=snapshot.configuration_id,
            configuration_version=snapshot.configuration_version,
            config_digest=snapshot.policy.digest,
            policies=tuple(self.results),
            provider=target.provider if target else None,
            target_id=target.id if target else None,
            model=self.model,
            api_format=self.dialect.name,
            streamed=self.streamed,
            latency_ms=round((self.clock() - self.began_ns) / 1e6, 3),
            overhead_us=self.overhead_us,
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
            cost_usd=self.cost_usd,
            escalation_id=self.escalation_id,
            content=content,
            content_digest=content_digest,
            degraded=self.degraded,
            attempts=tuple(self.attempts),
            shadow_verdict=self._shadow_verdict(),
            **self._caller(arrival.caller),
            **self._unrecorded(),
        )

    def _unrecorded(self) -> dict[str, Any]:
        return {"parent_span_id": self.arrival.parent_span_id, "behind_chars": self.behind_chars}

    def _shadow_verdict(self) -> str | None:
        shadows = [_SEVERITY[one.verdict] for one in self.results if one.mode == "shadow" and one.verdict in _SEVERITY]
        return _VERDICTS[max(severity(self.verdict), *shadows)] if shadows else None

    def _caller(self, caller: Caller) -> dict[str, Any]:
        return {
            "user_id": caller.user_id or self.user,
            "team_id": caller.team_id,
            "agent_id": caller.agent_id,
            "session_id": caller.session_id,
            "key_id": caller.key_id,
        }

    def _kept(self, texts: Iterable[Text], said: Judgement) -> list[dict[str, str]]:
        content = self.snapshot.policy.audit.content
        if content == "none":
            return []
        full = content == "full"
        return [
            {"role": text.role, "part": text.part, "text": text.value if full else _redacted(text, said)}
            for text in texts
        ]

    def _content(self) -> tuple[dict[str, Any] | None, str | None]:
        mode = self.snapshot.policy.audit.content
        if mode == "none" or not (self.asked or self.answered):
            return None, None
        whole = {"request": self.asked, "answer": self.answered}
        kept = None if mode == "digest" else {name: _bounded(texts) for name, texts in whole.items()}
        return kept, record_digest(whole)


_USER_PLACES: Final = frozenset({("user",), ("metadata", "user_id")})
_VERDICTS: Final = tuple(NAMES.values())
_SEVERITY: Final = {name: rank for rank, name in enumerate(_VERDICTS)}
WITHHELD: Final = 2
"""From here on a policy withheld the answer, and that is what the record says, whatever failed besides."""


def _redacted(text: Text, said: Judgement) -> str:
    value = said.changed.get(text.place)
    if value is not None:
        return value
    marks = [_mark(match) for match in said.verdict.matches if match.place == text.place]
    return apply_edits(text.value, marks)


def _mark(match: Match) -> Edit:
    return Edit(match.place, match.start, match.end, match.category, f"[{match.category}]")


def _bounded(texts: list[dict[str, str]]) -> list[Mapping[str, str]]:
    left = MAX_CONTENT_CHARS
    kept: list[Mapping[str, str]] = []
    for text in texts:
        value = text["text"]
        kept.append(text if len(value) <= left else text | {"text": value[: max(0, left)] + CUT})
        left -= len(value)
        if left < 0:
            break
    return kept


def _rfc3339(at_us: int) -> str:
    seconds, micros = divmod(at_us, 1_000_000)
    return f"{_to_the_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
