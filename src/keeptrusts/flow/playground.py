"""
One prompt, and the answer that somebody imagines to it, served as a gateway would serve them; what each kind said.

Kinds that ask a service are left out: nobody is asked here. What is counted between requests begins at nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.core.decision import Decision, PolicyResult
from keeptrusts.core.errors import UpstreamLostError
from keeptrusts.core.verdict import NAMES, PASSED, Redact
from keeptrusts.flow.rehearsal import Outcome, rehearse
from keeptrusts.flow.trials import texts_of
from keeptrusts.policy.compiled import CompiledPolicy, Fallback
from keeptrusts.policy.engine import Clock
from keeptrusts.wire.mock import mock_answer

Reason: TypeAlias = Literal["services", "counts", "limits", "share"]
REASONS: Final[Mapping[Reason, str]] = {
    "services": "it asks a service, and here nobody is asked: it was left out",
    "counts": "it counts between requests; here this was the first",
    "limits": "rates and budgets count between requests; here this was the first",
    "share": "it is enforced on a share of the requests; here this one belonged to it",
}
"""Why a gateway may say another thing."""
_CHUNK_CHARS: Final = 8
_REDACTED: Final = NAMES[Redact]


@dataclass(frozen=True, slots=True)
class Given:
    """
    What is tried.

    Args:
        answer: Of the model; None: only the request is judged.
        model: None: the first that the document serves.
        headers: Of the request, such as `x-user-id`.
    """

    prompt: str
    answer: str | None = None
    stream: bool = False
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Differing:
    """Something that a gateway may judge otherwise. `kind`: None where it is no kind's."""

    kind: str | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Trial:
    """
    What came of it.

    Args:
        verdict: `allowed`, `redacted`, `escalated`, `blocked`; `failed` when no kind objected and it was not served.
        shadow_verdict: What it would be with the kinds in shadow enforced; None when there is none.
        prompt: As the provider receives it; None: it is sent to nobody.
        instructions: What the provider is told before it.
        answer: As the client reads it; None: none was given, or none is let through.
    """

    verdict: str
    reason_code: str
    phase: str | None
    shadow_verdict: str | None
    prompt: str | None
    instructions: tuple[str, ...]
    answer: str | None
    results: tuple[PolicyResult, ...]
    differing: tuple[Differing, ...]


def try_prompt(policy: CompiledPolicy, given: Given, clock: Clock) -> Trial:
    """Serve it as often as kinds turn out to ask somebody: these are left out the next time."""
    chain, asking = policy.chain.in_every_share(), list[str]()
    while True:
        outcome = _served(replace(policy, chain=chain, retry=None, fallback=Fallback()), given, clock)
        decision = outcome.decision
        assert decision is not None
        asked = {result.kind for result in decision.policies if result.asked}
        if not asked:
            return _trial(given, outcome, decision, (*_asking(asking), *_differing(policy)))
        asking += sorted(asked)
        chain = chain.with_policies([one for one in chain.policies if one.kind not in asked])


def _served(policy: CompiledPolicy, given: Given, clock: Clock) -> Outcome:
    messages = [{"role": "user", "content": given.prompt}]
    request = {"model": given.model or _model(policy), "messages": messages, "stream": given.stream}
    return rehearse(policy, json.dumps(request).encode(), _replies(given), headers=given.headers, clock=clock)


def _replies(given: Given) -> Any:
    def reply(received: bytes) -> tuple[str, tuple[bytes, ...]]:
        if given.answer is None:
            raise UpstreamLostError
        said = mock_answer(received, reply=given.answer, chunk_chars=_CHUNK_CHARS)
        return said.media_type, said.pieces

    return reply


def _model(policy: CompiledPolicy) -> str:
    served = [one.name for one in policy.groups] + [one.target.model for one in policy.targets if one.target.model]
    return served[0] if served else "model"


def _trial(given: Given, outcome: Outcome, decision: Decision, differing: tuple[Differing, ...]) -> Trial:
    verdict, reason = decision.verdict, decision.reason_code
    if verdict == "failed" and outcome.sent and given.answer is None:
        # The request went out, and that no answer came is how it was played.
        verdict, reason = _of_request(decision)
    sent = json.loads(outcome.sent[-1])["messages"] if outcome.sent else []
    read = "".join(texts_of(outcome))
    return Trial(
        verdict=verdict,
        reason_code=reason,
        phase=decision.phase,
        shadow_verdict=decision.shadow_verdict,
        prompt=sent[-1]["content"] if sent else None,
        instructions=tuple(str(one["content"]) for one in sent[:-1]),
        answer=read or None,
        results=decision.policies,
        differing=differing,
    )


def _of_request(decision: Decision) -> tuple[str, str]:
    """What the kinds said of a request that they let through."""
    enforced = (one for one in decision.policies if one.mode == "enforce" and one.verdict == _REDACTED)
    return next(((one.verdict, one.reason_code) for one in enforced), ("allowed", PASSED))


def _asking(kinds: list[str]) -> Iterator[Differing]:
    return (Differing(kind, "services") for kind in kinds)


def _differing(policy: CompiledPolicy) -> Iterator[Differing]:
    yield from (Differing(one.kind, "counts") for one in policy.chain.policies if one.counts_requests())
    yield from (Differing(kind, "share") for kind in policy.chain.shared())
    if policy.has_limits:
        yield Differing(None, "limits")
