"""
The chain at work: kinds in order within a phase, phases in order, one place where a crash becomes a verdict.

* `block` ends it; later kinds are recorded as skipped.
* `redact` accumulates: later kinds see the redacted text.
* The verdict is the most severe; its reason is the first of that severity.
* A kind that raises counts as `block` with `<kind>.error` (law 1), unless `fail_open`; then the result is `degraded`.
  So does one whose questions got no usable answer, unless a setting of its own lets that pass, `degraded` too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TypeVar

from keeptrusts.core.decision import Asked, PolicyResult
from keeptrusts.core.exchange import TOOL_PARTS, Exchange, Phase, Place, Target, Text
from keeptrusts.core.verdict import (
    NAMES,
    PASS,
    PASSED,
    Allow,
    Block,
    Edit,
    Match,
    Redact,
    Verdict,
    apply_edits,
    merge_edits,
    severity,
)
from keeptrusts.policy.asking import Answer, Ask, Question, Steps, UnusableAnswerError, asked, finish, nobody
from keeptrusts.policy.endings import ending_of, with_endings
from keeptrusts.policy.kind import Policy, code_prefix
from keeptrusts.policy.rollout import FULL, WHOLLY, Rollout, Sender, in_share

A = TypeVar("A")
Clock = Callable[[], int]
"""Nanoseconds from any origin; used for latencies alone."""

REQUEST_PHASES = (Phase.INPUT, Phase.TOOL)
ANSWER_PHASES = (Phase.TOOL, Phase.OUTPUT)


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What the chain said.

    Args:
        verdict: The most severe; of equals the first.
        phase: In which it fell; None when all allowed.
        changed: New values of the texts that redactions changed.
        restorable: Placeholder -> what the caller had written there.
        max_tokens: The lowest cap that any kind set on the answer.
        instructions: What the model is told before everything else, in the order of the chain.
    """

    verdict: Verdict = PASS
    kind: str | None = None
    phase: Phase | None = None
    results: tuple[PolicyResult, ...] = ()
    changed: Mapping[Place, str] = field(default_factory=dict)
    restorable: Mapping[str, str] = field(default_factory=dict)
    max_tokens: int | None = None
    degraded: bool = False
    instructions: tuple[str, ...] = ()


class Chain:
    """
    Compiled policies in the order of the document.

    Args:
        fail_open: Law 8: a setting with a name (`--fail-mode allow`), visible as `degraded` in every record.
        rollout: Of the kinds that are not enforced on every request. As it stands, the chain is that of a request which
            belongs to every share; `sent_by` gives that of any.
    """

    def __init__(
        self, policies: Sequence[Policy], *, fail_open: bool = False, rollout: Mapping[str, Rollout] | None = None
    ) -> None:
        self._rollout = rollout or {}
        modes = {kind: one.mode for kind, one in self._rollout.items()}
        self.policies = tuple(one for one in policies if modes.get(one.kind) != "off")
        self.shadows = frozenset(kind for kind, mode in modes.items() if mode == "shadow")
        """Kinds that are evaluated and recorded, and change nothing."""
        self.fail_open = fail_open
        self._watching = {phase: [one for one in self.policies if phase in one.phases] for phase in Phase}
        self._by_phase = {
            phase: [one for one in acting if one.kind not in self.shadows] for phase, acting in self._watching.items()
        }

    def with_policies(self, policies: Sequence[Policy]) -> Chain:
        """Other policies under the same settings."""
        return Chain(policies, fail_open=self.fail_open, rollout=self._rollout)

    @property
    def has_shares(self) -> bool:
        """Whether it is another chain for some requests than for others."""
        return any(one.percent < FULL for one in self._rollout.values())

    def sent_by(self, sender: Sender) -> Chain:
        """The chain for the requests of this sender."""
        out = {kind: one for kind, one in self._rollout.items() if not in_share(kind, one, sender)}
        if not out:
            return self
        modes = {kind: Rollout("off" if one.mode == "shadow" else "shadow") for kind, one in out.items()}
        return Chain(self.policies, fail_open=self.fail_open, rollout={**self._rollout, **modes})

    def shared(self) -> tuple[str, ...]:
        """The kinds that some requests are judged by and others are not."""
        return tuple(one.kind for one in self.policies if self._rollout.get(one.kind, WHOLLY).percent < FULL)

    def in_every_share(self) -> Chain:
        """The chain for a request that belongs to every share, whoever sends it."""
        rollout = {kind: replace(one, percent=FULL) for kind, one in self._rollout.items()}
        return Chain(self.policies, fail_open=self.fail_open, rollout=rollout)

    def watching(self) -> Chain:
        """The kinds in shadow, behind those that change what they see: these alone have to be asked once more."""
        needed = [one for one in self.policies if one.kind in self.shadows or one.changes_texts() or one.adds]
        rollout = dict.fromkeys(self.shadows, Rollout("shadow"))
        return Chain(needed, fail_open=self.fail_open, rollout=rollout)

    def judge_request(self, exchange: Exchange, clock: Clock, ask: Callable[[Question], Answer] = nobody) -> Judgement:
        """As `request_steps`, where answers are at hand."""
        return finish(self.request_steps(exchange, clock), ask)

    def judge_answer(self, exchange: Exchange, clock: Clock, ask: Callable[[Question], Answer] = nobody) -> Judgement:
        """As `answer_steps`, where answers are at hand."""
        return finish(self.answer_steps(exchange, clock), ask)

    def request_steps(self, exchange: Exchange, clock: Clock) -> Steps[Judgement]:
        """Phases `input`, then `tool`, over the client's request."""
        return _Run(self, exchange, clock).through(REQUEST_PHASES)

    def answer_steps(self, exchange: Exchange, clock: Clock, *, shadows: bool = True) -> Steps[Judgement]:
        """
        Phases `tool`, then `output`, over the whole of the model's answer.

        Args:
            shadows: Kinds in shadow are asked too.
        """
        return _Run(self, exchange, clock, shadows=shadows).through(ANSWER_PHASES)

    def judge_once(self, policy: Policy, exchange: Exchange) -> tuple[Verdict, bool]:
        """The verdict of a kind that asks nobody, and whether it is degraded."""
        said = self.said_by(policy, policy.judge, exchange)
        verdict = self._failed(policy, "must ask") if isinstance(said, Ask) else said
        return verdict, isinstance(verdict, Allow) and verdict.degraded

    @staticmethod
    def is_silent(policy: Policy, text: str) -> bool:
        """Whether a kind surely finds nothing in an answer that is this text. One that fails is asked by `judge`."""
        try:
            return policy.is_silent(text)
        except Exception:  # noqa: BLE001 - what fails here fails there, and counts there
            return False

    def said_by(self, policy: Policy, say: Callable[[A], Verdict | Ask], about: A) -> Verdict | Ask:
        """What a kind says. The one place that turns a crash into a verdict."""
        try:
            return say(about)
        except UnusableAnswerError as unusable:
            return self._failed(policy, f"got no usable answer: {unusable}", fails_open=policy.fails_open())
        except Exception as bug:  # noqa: BLE001 - law 1: whatever fails in a kind blocks
            return self._failed(policy, f"failed with {type(bug).__name__}")

    def whole_said_by(self, policy: Policy, exchange: Exchange, said: Verdict) -> Verdict:
        """What a kind says of a whole answer, with what it adds to it."""
        verdict = self.said_by(policy, partial(with_endings, policy, exchange), said)
        assert not isinstance(verdict, Ask)
        return verdict

    def ending_of(self, policy: Policy, text: str) -> Verdict:
        """What a kind adds at the end of a text that was judged in pieces."""
        verdict = self.said_by(policy, partial(ending_of, policy), text)
        assert not isinstance(verdict, Ask)
        return verdict

    def _failed(self, policy: Policy, how: str, *, fails_open: bool = False) -> Verdict:
        code = f"{code_prefix(policy.kind)}.error"
        if self.fail_open or fails_open:
            return Allow(code=code, degraded=True)
        return Block(code, f"`{policy.kind}` {how}")

    def admitted(self, targets: Iterable[Target]) -> tuple[list[Target], list[PolicyResult]]:
        """Phase `route`: the targets that every routing kind admits, in their order, and what each kind said."""
        left = list(targets)
        results = []
        for policy in self.policies:
            if Phase.ROUTE not in policy.phases:
                continue
            said = [(target, policy.admits(target)) for target in left]
            admitted = [target for target, reason in said if reason is None]
            reason = next((why for _, why in said if why), None)
            verdict, code = ("allowed", PASSED) if admitted or reason is None else ("blocked", reason)
            if policy.kind in self.shadows:
                # Also that it would have left a target out is what it would have done.
                results.append(PolicyResult(policy.kind, Phase.ROUTE, verdict, reason or code, mode="shadow"))
                continue
            left = admitted
            results.append(PolicyResult(policy.kind, Phase.ROUTE, verdict, code))
        return left, results

    def of_phase(self, phase: Phase, *, shadows: bool = False) -> list[Policy]:
        """The kinds that act in this phase, in chain order; on request with those that only watch."""
        return (self._watching if shadows else self._by_phase)[phase]


class _Run:
    """One walk along the chain: the exchange as redacted so far, and what was said of it."""

    # Every request passes here twice, so what it says is gathered in plain fields and put together once.
    def __init__(self, chain: Chain, exchange: Exchange, clock: Clock, *, shadows: bool = True) -> None:
        self._chain = chain
        self._shadows = shadows
        self._exchange = exchange
        self._clock = clock
        self._views: dict[tuple[Phase, bool], Exchange] = {}
        self._verdict: Verdict = PASS
        self._kind: str | None = None
        self._phase: Phase | None = None
        self._results: list[PolicyResult] = []
        self._changed: dict[Place, str] = {}
        self._restorable: dict[str, str] = {}
        self._max_tokens: int | None = None
        self._degraded = False
        self._blocked = False
        self._instructions: list[str] = []
        self._asked: list[Asked] = []
        self._found: set[Place] = set()

    def through(self, phases: Iterable[Phase]) -> Steps[Judgement]:
        for phase in phases:
            for policy in self._chain.of_phase(phase, shadows=self._shadows):
                started = self._clock()
                said = self._ask(policy, phase)
                while isinstance(said, Ask):
                    answers = yield (*said.questions, *said.counts)
                    said = self._chain.said_by(policy, partial(self._conclude, said), answers)
                if said is not None and policy.adds and phase is Phase.OUTPUT:
                    said = self._chain.whole_said_by(policy, self._view(policy, phase), said)
                if said is not None:
                    self._take(policy, phase, said, (self._clock() - started) // 1000)
        return Judgement(
            self._verdict,
            self._kind,
            self._phase,
            tuple(self._results),
            self._changed,
            self._restorable,
            self._max_tokens,
            self._degraded,
            tuple(self._instructions),
        )

    def _ask(self, policy: Policy, phase: Phase) -> Verdict | Ask | None:
        if self._blocked:
            self._results.append(PolicyResult(policy.kind, phase, "skipped", "skipped", self._mode(policy)))
            return None
        return self._chain.said_by(policy, policy.judge, self._view(policy, phase))

    def _conclude(self, ask: Ask, answers: tuple[Answer, ...]) -> Verdict | Ask:
        try:
            said = ask.conclude(answers)
        except UnusableAnswerError as bad:
            self._asked += [
                asked(one, bad.failure if one is bad.answer else None) for one in answers if not one.counted
            ]
            raise
        self._asked += [asked(one) for one in answers if not one.counted]
        return said

    def _view(self, policy: Policy, phase: Phase) -> Exchange:
        """The exchange for this kind; kinds that see the same of it share one, until a redaction changes it."""
        key = phase, Phase.TOOL in policy.phases
        seen = self._views.get(key)
        if seen is None:
            seen = self._views[key] = texts_for(policy, self._exchange, phase)
        return seen

    def _take(self, policy: Policy, phase: Phase, said: Verdict, took_us: int) -> None:
        if said is PASS and not self._asked and policy.kind not in self._chain.shadows:
            # So do most: it says nothing that would have to be looked at.
            self._results.append(_bare_result(policy.kind, phase, NAMES[Allow], PASSED, took_us))
            return
        verdict = self._here(said)
        line = result_of(policy.kind, phase, verdict, took_us)
        is_shadow = policy.kind in self._chain.shadows
        if is_shadow or self._asked:
            line = replace(line, mode=self._mode(policy), asked=tuple(self._asked))
        if verdict.code != PASSED and (level := policy.logged(verdict)) is not None:
            line = replace(line, log_level=level)
        self._results.append(line)
        self._asked.clear()
        if is_shadow:
            return
        if isinstance(verdict, Allow):
            self._take_allowed(verdict)
        elif severity(verdict) > severity(self._verdict):
            self._verdict, self._kind, self._phase = verdict, policy.kind, phase
        self._blocked = isinstance(verdict, Block)
        if isinstance(verdict, Redact):
            self._redact(verdict.edits)
            self._instructions += [verdict.instruction] if verdict.instruction else []

    def _mode(self, policy: Policy) -> str:
        return "shadow" if policy.kind in self._chain.shadows else "enforce"

    def _here(self, verdict: Verdict) -> Verdict:
        """A redaction without what was found elsewhere: nobody is sent that, so there is nothing to redact in it."""
        if not isinstance(verdict, Redact) or self._found.isdisjoint(edit.place for edit in verdict.edits):
            return verdict
        edits = tuple(edit for edit in verdict.edits if edit.place not in self._found)
        if edits or verdict.instruction:
            return replace(verdict, edits=edits)
        return Allow(verdict.edits, code=verdict.code)

    def _take_allowed(self, verdict: Allow) -> None:
        if verdict.max_tokens is not None:
            least = self._max_tokens
            self._max_tokens = verdict.max_tokens if least is None else min(least, verdict.max_tokens)
        self._degraded = self._degraded or verdict.degraded
        if verdict.found:
            self._found.update(text.place for text in verdict.found)
            self._exchange = replace(self._exchange, texts=self._exchange.texts + verdict.found)
            self._views.clear()

    def _redact(self, edits: Sequence[Edit]) -> None:
        by_place: dict[Place, list[Edit]] = {}
        for edit in edits:
            by_place.setdefault(edit.place, []).append(edit)
        texts = tuple(self._edited(text, by_place.get(text.place, ())) for text in self._exchange.texts)
        self._exchange = replace(self._exchange, texts=texts)
        self._views.clear()

    def _edited(self, text: Text, edits: Sequence[Edit]) -> Text:
        if not edits:
            return text
        # The united edits, not the single ones: what comes back must be exactly what a placeholder stands for.
        for edit in merge_edits(edits):
            if edit.restorable:
                self._restorable[edit.replacement] = text.value[edit.start : edit.end]
        changed = apply_edits(text.value, edits)
        self._changed[text.place] = changed
        return replace(text, value=changed)


def texts_for(policy: Policy, exchange: Exchange, phase: Phase) -> Exchange:
    """
    The exchange as this kind sees it in this phase.

    A kind that also acts in `tool` gets the texts of tool definitions and calls there, and the rest in its other
    phase; a kind that does not gets every text at once, so that nothing is smuggled past it in a tool's arguments.
    """
    texts = exchange.texts
    if Phase.TOOL in policy.phases:
        wanted = phase is Phase.TOOL
        texts = tuple(text for text in texts if (text.part in TOOL_PARTS) == wanted)
    if phase is exchange.phase and len(texts) == len(exchange.texts):
        return exchange
    return exchange.seen_in(phase, texts)


def result_of(kind: str, phase: Phase, verdict: Verdict, latency_us: int) -> PolicyResult:
    """The line of the record that tells what a kind said."""
    name = NAMES[type(verdict)]
    if not verdict.matches:
        return _bare_result(kind, phase, name, verdict.code, latency_us)
    counts = Counter(category for _, category in _apart(verdict.matches))
    return PolicyResult(kind, phase, name, verdict.code, latency_us=latency_us, findings=tuple(sorted(counts.items())))


@lru_cache(maxsize=4096)
def _bare_result(kind: str, phase: Phase, name: str, code: str, latency_us: int) -> PolicyResult:
    """Most lines say that a kind found nothing in so many microseconds, as one of the last requests did."""
    return PolicyResult(kind, phase, name, code, latency_us=latency_us)


def _apart(matches: Iterable[Match]) -> Iterator[tuple[Place, str]]:
    """Matches of one category that lie over each other are one: detectors report every start."""
    ends: dict[tuple[Place, str], int] = {}
    for match in sorted(matches, key=lambda one: one.start):
        key = match.place, match.category
        if match.start >= ends.get(key, 0):
            yield key
        ends[key] = max(match.end, ends.get(key, 0))
