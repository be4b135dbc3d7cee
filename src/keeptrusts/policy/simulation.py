"""
Recorded decisions judged again by another document: what it would have refused, let pass, redacted, withheld.

Pure. A record keeps of a request what `audit-logger.content` says, so not every one can be judged again; the reasons
are counted. Nothing is guessed: what cannot be told apart is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.core.canonical import digest
from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.exchange import Caller, Exchange, Part, Phase, Role, Text
from keeptrusts.core.verdict import NAMES, Allow, Redact, Verdict, severity
from keeptrusts.policy.asking import Answer, Count, Question, Tally, finish
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.engine import Chain, Judgement

Reason: TypeAlias = Literal[
    "not_a_decision",
    "no_content",
    "sealed",
    "cut",
    "needs_base",
    "not_reproduced",
    "headers",
    "tools",
    "services",
    "counts",
]
REASONS: Final[Mapping[Reason, str]] = {
    "not_a_decision": "no record of a decision on a request that was seen through",
    "no_content": "the texts were not kept: `audit-logger.content` was `none` or `digest`",
    "sealed": "the texts are encrypted in this archive: `kt events open` decrypts them",
    "cut": "a text was too long to be kept whole",
    "needs_base": "a policy had objected, and without the document of that time nobody can tell whether it would again",
    "not_reproduced": "the present document says another thing of what was kept (redacted text, say) than was recorded",
    "headers": "a policy looks at header fields, which are not kept",
    "tools": "a policy looks at tools, of which only the texts are kept",
    "services": "a policy asks a service, whose answers are not kept",
    "counts": "a policy counts between requests, and what was counted is not kept",
}
"""Why a record cannot be judged again."""
CUT: Final = "[...]"
SAMPLES: Final = 20
_TOOLS: Final = frozenset({Part.TOOL_DEFINITION, Part.TOOL_CALL})


class _NotReplayableError(BaseException):
    """Not an `Exception`: those that a kind lets out become a verdict."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    One record judged again.

    Args:
        before: The verdict of the base, or the recorded one: `allowed`, `redacted`, `escalated`, `blocked`.
        reason_code: Of the verdict after.
    """

    event_id: str
    before: str
    after: str
    reason_code: str


@dataclass(slots=True)
class Moved:
    """Records whose verdict became this one. `sample_event_ids`: the first of them."""

    count: int = 0
    sample_event_ids: list[str] = field(default_factory=list)
    reason_codes: dict[str, int] = field(default_factory=dict)

    def take(self, one: Replayed) -> None:
        self.count += 1
        self.reason_codes[one.reason_code] = self.reason_codes.get(one.reason_code, 0) + 1
        if len(self.sample_event_ids) < SAMPLES:
            self.sample_event_ids.append(one.event_id)

    def as_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "sample_event_ids": self.sample_event_ids,
            "reason_codes": dict(sorted(self.reason_codes.items())),
        }


@dataclass(slots=True)
class Impact:
    """What a candidate would have changed. `moved`: new verdict to the records that got it."""

    base_digest: str | None
    candidate_digest: str
    events: int = 0
    unchanged: int = 0
    moved: dict[str, Moved] = field(default_factory=lambda: {name: Moved() for name in NAMES.values()})
    left_out: dict[Reason, int] = field(default_factory=dict)
    corpus_digest: str = ""

    @property
    def replayed(self) -> int:
        return self.events - sum(self.left_out.values())

    @property
    def newly_blocked_ratio(self) -> float:
        """Of the records that could be judged again; 0 when none could."""
        return self.moved["blocked"].count / self.replayed if self.replayed else 0.0

    def as_json(self) -> dict[str, Any]:
        """What `kt policy simulate --format json` prints."""
        return {
            "base_digest": self.base_digest,
            "candidate_digest": self.candidate_digest,
            "corpus_digest": self.corpus_digest,
            "events": self.events,
            "replayed": self.replayed,
            "unchanged": self.unchanged,
            **{f"newly_{name}": one.as_json() for name, one in self.moved.items()},
            "newly_blocked_ratio": round(self.newly_blocked_ratio, 6),
            "not_replayed": [
                {"reason": reason, "count": count, "description": REASONS[reason]}
                for reason, count in sorted(self.left_out.items())
            ],
        }


def simulate(
    candidate: CompiledPolicy, events: Iterable[Mapping[str, Any]], base: CompiledPolicy | None = None
) -> Impact:
    """
    Judge recorded decisions again, one after the other.

    Args:
        base: The document that ran when they were recorded. With it, records to which a policy objected are judged
            again too, as far as it says the same of what was kept as is recorded; and what a record does not keep
            weighs on both sides alike.
    """
    impact = Impact(base.digest if base else None, candidate.digest)
    seen: list[str] = []
    for event in events:
        impact.events += 1
        seen.append(str(event.get("id")))
        try:
            one = replay(candidate, event, base)
        except _NotReplayableError as why:
            impact.left_out[why.reason] = impact.left_out.get(why.reason, 0) + 1
            continue
        if one.before == one.after:
            impact.unchanged += 1
        else:
            impact.moved[one.after].take(one)
    impact.corpus_digest = digest(seen)
    return impact


@dataclass(frozen=True, slots=True)
class Rejudged:
    """
    What a document says of a record, judged again.

    Args:
        results: Of each kind, on the request and, as far as it comes to that, on the answer.
    """

    verdict: str
    reason_code: str
    results: tuple[PolicyResult, ...]


def rejudge(policy: CompiledPolicy, event: Mapping[str, Any]) -> Rejudged | Reason:
    """Judge one record again, by the document of its time; or why that cannot be."""
    if not _is_decision(event):
        return "not_a_decision"
    try:
        said = _again(policy.chain, event, list(_exchanges(event)))
    except _NotReplayableError as why:
        return why.reason
    worst = max(said, key=lambda one: severity(one.verdict)).verdict
    return Rejudged(NAMES[type(worst)], worst.code, tuple(line for one in said for line in one.results))


def _again(chain: Chain, event: Mapping[str, Any], exchanges: list[Exchange]) -> list[Judgement]:
    try:
        return list(_judgements(chain, exchanges))
    except _NotReplayableError as why:
        if why.reason not in _OF_KINDS:
            raise
    return list(_judgements(_without_settled(event, chain, chain)[0], exchanges))


def replay(candidate: CompiledPolicy, event: Mapping[str, Any], base: CompiledPolicy | None) -> Replayed:
    if not _is_decision(event):
        raise _NotReplayableError("not_a_decision")
    if base is None and event.get("verdict") != "allowed":
        raise _NotReplayableError("needs_base")
    exchanges = list(_exchanges(event))
    chains = candidate.chain, base.chain if base else None
    try:
        return _between(event, exchanges, *chains)
    except _NotReplayableError as why:
        if chains[1] is None or why.reason not in _OF_KINDS:
            raise
    return _between(event, exchanges, *_without_settled(event, chains[0], chains[1]))


def _is_decision(event: Mapping[str, Any]) -> bool:
    return event.get("event_type", "decision") == "decision" and event.get("verdict") in NAMES.values()


_OF_KINDS: Final = frozenset({"headers", "tools", "services", "counts"})


def _between(event: Mapping[str, Any], exchanges: Iterable[Exchange], candidate: Chain, base: Chain | None) -> Replayed:
    recorded = str(event["verdict"])
    if base is not None and NAMES[type(_judged(base, exchanges))] != recorded:
        raise _NotReplayableError("not_reproduced")
    after = _judged(candidate, exchanges)
    return Replayed(str(event.get("id")), recorded, NAMES[type(after)], after.code)


def _without_settled(event: Mapping[str, Any], candidate: Chain, base: Chain) -> tuple[Chain, Chain]:
    """Both without the kinds that have not changed and are recorded to have let this request pass."""
    said: dict[str, set[str]] = {}
    for one in event.get("policies") or ():
        said.setdefault(str(one.get("kind")), set()).add(str(one.get("verdict")))
    before = {policy.kind: policy for policy in base.policies}
    settled = {
        policy.kind
        for policy in candidate.policies
        if before.get(policy.kind) == policy and said.get(policy.kind) == {"allowed"}
    }
    kept = ([policy for policy in chain.policies if policy.kind not in settled] for chain in (candidate, base))
    return candidate.with_policies(next(kept)), base.with_policies(next(kept))


def _judged(chain: Chain, exchanges: Iterable[Exchange]) -> Verdict:
    """The most severe verdict on request and answer."""
    return max((said.verdict for said in _judgements(chain, exchanges)), key=severity, default=Allow())


def _judgements(chain: Chain, exchanges: Iterable[Exchange]) -> Iterator[Judgement]:
    """On the request, and on the answer; a request that is withheld has none."""
    for exchange in exchanges:
        if _TOOLS & {text.part for text in exchange.texts} and chain.of_phase(Phase.TOOL):
            raise _NotReplayableError("tools")
        steps = chain.answer_steps if exchange.answered else chain.request_steps
        said = finish(steps(exchange, lambda: 0), _asked, _Uncounted())
        yield said
        if severity(said.verdict) > severity(Redact("", ())):
            return


def _asked(question: Question) -> Answer:
    del question
    raise _NotReplayableError("services")


class _Uncounted(Tally):
    def add(self, count: Count) -> Answer:
        del count
        raise _NotReplayableError("counts")


class _Unkept(Mapping[str, str]):
    """Header fields of which nothing is known: whoever looks is told so."""

    def __getitem__(self, name: str) -> str:
        raise _NotReplayableError("headers")

    def __iter__(self) -> Iterator[str]:
        raise _NotReplayableError("headers")

    def __len__(self) -> int:
        raise _NotReplayableError("headers")


def _exchanges(event: Mapping[str, Any]) -> Iterator[Exchange]:
    content = event.get("content")
    if not isinstance(content, Mapping):
        raise _NotReplayableError("no_content")
    if set(content) == {"sealed"}:  # as archives hold it (`trail.contents`)
        raise _NotReplayableError("sealed")
    caller = Caller(
        key_id=event.get("key_id"),
        user_id=event.get("user_id"),
        team_id=event.get("team_id"),
        agent_id=event.get("agent_id"),
        session_id=event.get("session_id"),
        headers=_Unkept(),
    )
    for name in ("request", "answer"):
        texts = tuple(_texts(content.get(name) or ()))
        if name == "request" or texts:
            answered = name == "answer"
            phase = Phase.OUTPUT if answered else Phase.INPUT
            yield Exchange(phase, texts, model=event.get("model") or "", caller=caller, answered=answered)


def _texts(kept: Iterable[Any]) -> Iterator[Text]:
    for index, one in enumerate(kept):
        try:
            text = Text((index,), one["text"], Role(one["role"]), Part(one["part"]))
        except (KeyError, TypeError, ValueError):
            raise _NotReplayableError("no_content") from None
        if text.value.endswith(CUT):
            raise _NotReplayableError("cut")
        yield text
