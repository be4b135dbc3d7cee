"""Answers that are not good enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Part, Phase
from keeptrusts.core.verdict import PASSED, Allow, Block, Escalate, Verdict
from keeptrusts.policy.asking import Answer, Ask, UnusableAnswerError, amount
from keeptrusts.policy.assertions import RUBRIC, Assertion
from keeptrusts.policy.benchmarks import Benchmarks, shown
from keeptrusts.policy.endpoints import secrets_of
from keeptrusts.policy.judges import JudgeModel
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

MESSAGE: Final = "the answer is not good enough"
FORM: Final = '{"score": a number from 0 (not at all) to 1 (entirely)}'
TASK: Final = "You score an answer of an AI system by this rubric: "
_LEVELS: Final = {"critical": "error", "warning": "warning", "info": "info"}


@dataclass(frozen=True)
class Thresholds(Section):
    min_aggregate: Annotated[
        float, Attr("Weighted mean of the scores that an answer needs.", minimum=0, maximum=1, stronger="higher")
    ] = 0.0


@dataclass(frozen=True)
class PassPolicy(Section):
    strategy: Annotated[
        Literal["all", "any", "weighted"],
        Attr("Every enforced assertion holds, one does, or the aggregate reaches `threshold`.", stronger="unclear"),
    ] = "all"
    threshold: Annotated[
        float, Attr("For `weighted`: the aggregate that is needed.", minimum=0, maximum=1, stronger="higher")
    ] = 0.5


@dataclass(frozen=True)
class FailureAction(Section):
    action: Annotated[
        Literal["flag", "escalate", "block"],
        Attr("Record it, withhold the answer, or refuse it.", stronger=("flag", "escalate", "block")),
    ] = "block"


@dataclass(frozen=True)
class QualityScorer(Policy):
    """
    Score answers, and refuse those that are not good enough.

    An assertion holds (score 1) or does not (score 0); a rubric is scored between by the models of `providers`, whose
    scores are averaged. `pass_policy` says when an answer passes; `thresholds.min_aggregate` is asked for besides. Each
    of several choices is scored by itself, and all must pass. An answer that says nothing, because it only calls tools,
    is not scored.

    `benchmarks` are rubrics that are known by name: the models of `providers` score them too, and are shown the request
    for those that need it, as other kinds left it. Their scores count in the aggregate, with a weight of 1 or that of
    `weights` (`faithfulness`, `relevancy`, `coherence`, `completeness`). With `mock_scoring` no model is asked: every
    rubric scores 1, and the record says `degraded`.

    The reason code names the first assertion that does not hold: `quality_scorer.<name>`; or `too_short`,
    `too_few_sentences`, `aggregate`. A model that gives no usable score counts as an objection, `quality_scorer.error`.
    """

    kind: ClassVar[str] = "quality-scorer"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    example: ClassVar[str] = """
        min_output_chars: 40
        assertions:
          - {type: contains, name: cites the policy, value: "returns policy", mode: audit}
          - {type: regex, name: no placeholder, value: '\\[[A-Z_]+\\]', negate: true}
    """

    min_output_chars: Annotated[int, Attr("Characters that an answer needs.", minimum=0, stronger="higher")] = 0
    min_sentences: Annotated[int, Attr("Sentences that it needs.", minimum=0, stronger="higher")] = 0
    providers: Annotated[tuple[JudgeModel, ...], Attr("Models that score rubrics.", stronger="unclear")] = ()
    assertions: Annotated[
        tuple[Assertion, ...], Attr("What is asserted of an answer.", maximum=500, stronger="unclear")
    ] = ()
    benchmarks: Annotated[Benchmarks, Attr("Rubrics that are known by name.")] = field(default_factory=Benchmarks)
    mock_scoring: Annotated[
        bool, Attr("For trials without a model: every rubric scores 1, and the record says so.", stronger="off")
    ] = False
    thresholds: Annotated[Thresholds, Attr("Scores that are needed.")] = Thresholds()
    weights: Annotated[
        Mapping[str, float], Attr("Weights by the name of an assertion, over its own.", stronger="unclear")
    ] = field(default_factory=dict)
    pass_policy: Annotated[PassPolicy, Attr("When an answer passes.")] = PassPolicy()
    failure_action: Annotated[FailureAction, Attr("What happens to one that does not.")] = FailureAction()

    def faults(self) -> Iterable[Fault]:
        names = [one.name for one in self._asserted if one.name]
        for name, weight in self.weights.items():
            if name not in names:
                message = f"there is no assertion with the name `{name[:60]}`"
                yield Fault("E006", ("weights", name), message, "name one of `assertions`")
            elif weight < 0:
                yield Fault("E003", ("weights", name), "a weight must be at least 0")
        for index, one in enumerate(self.assertions):
            if one.name and names.count(one.name) > 1:
                yield Fault("E005", ("assertions", index, "name"), f"`{one.name}` stands there twice", "rename one")
        if self._rubrics and not self.providers and not self.mock_scoring:
            yield Fault("E004", ("providers",), "`providers` is missing: rubrics are scored by a model", "add one")

    @property
    def _asserted(self) -> tuple[Assertion, ...]:
        return (*self.assertions, *self.benchmarks.assertions())

    @property
    def _rubrics(self) -> list[int]:
        return [index for index, one in enumerate(self._asserted) if one.type == RUBRIC]

    def logged(self, verdict: Verdict) -> str | None:
        for one in self.assertions:
            if one.severity is not None and verdict.code == f"quality_scorer.{one.label}":
                return _LEVELS[one.severity]
        return None

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(*(provider.secret_key_ref for provider in self.providers))

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        texts = _answers(exchange)
        if not texts or not self._rubrics:
            return self._say(texts, {})
        if self.mock_scoring:
            said = self._say(texts, {(at, index): 1.0 for at, _ in enumerate(texts) for index in self._rubrics})
            return replace(said, degraded=True) if isinstance(said, Allow) else said
        asserted = self._asserted
        questions = tuple(
            provider.question(TASK + (asserted[index].rubric or ""), FORM, shown(asserted[index], text, exchange))
            for text in texts
            for index in self._rubrics
            for provider in self.providers
        )
        return Ask(questions, partial(self._conclude, texts))

    def _conclude(self, texts: Sequence[str], answers: tuple[Answer, ...]) -> Verdict:
        scores: dict[tuple[int, int], float] = {}
        left = iter(answers)
        for at, _ in enumerate(texts):
            for index in self._rubrics:
                given = [_score(provider, next(left)) for provider in self.providers]
                scores[at, index] = sum(given) / len(given)
        return self._say(texts, scores)

    def _say(self, texts: Sequence[str], rubrics: Mapping[tuple[int, int], float]) -> Verdict:
        noted: str | None = None
        for at, text in enumerate(texts):
            scores = [self._scored(index, text, rubrics.get((at, index))) for index in range(len(self._asserted))]
            failed = self._too_little(text) or self._objection(scores)
            if failed:
                return self._fail(f"quality_scorer.{failed}")
            noted = noted or self._noted(scores)
        return Allow(code=f"quality_scorer.{noted}" if noted else PASSED)

    def _scored(self, index: int, text: str, rubric: float | None) -> float:
        one = self._asserted[index]
        score = rubric if rubric is not None else float(one.holds(text))
        return 1 - score if one.negate else score

    def _too_little(self, text: str) -> str | None:
        from keeptrusts.detect.likeness import sentences

        if len(text.strip()) < self.min_output_chars:
            return "too_short"
        return "too_few_sentences" if len(sentences(text)) < self.min_sentences else None

    def _objection(self, scores: Sequence[float]) -> str | None:
        """Why these scores are not enough."""
        enforced = [(one, self._holds(one, score)) for one, score in zip(self._asserted, scores, strict=True)
                    if one.mode == "enforce"]  # fmt: skip
        failed = [one.label for one, holds in enforced if not holds]
        aggregate = self._aggregate(scores)
        policy = self.pass_policy
        if policy.strategy == "all" and failed:
            return failed[0]
        if policy.strategy == "any" and enforced and len(failed) == len(enforced):
            return failed[0]
        if policy.strategy == "weighted" and aggregate < policy.threshold:
            return "aggregate"
        return "aggregate" if aggregate < self.thresholds.min_aggregate else None

    def _noted(self, scores: Sequence[float]) -> str | None:
        """The first assertion that does not hold, though the answer passes."""
        failed = (one for one, score in zip(self._asserted, scores, strict=True) if not self._holds(one, score))
        return next((one.label for one in failed), None)

    def _holds(self, one: Assertion, score: float) -> bool:
        return score >= (one.threshold if one.type == RUBRIC else 1)

    def _aggregate(self, scores: Sequence[float]) -> float:
        counted = [
            (self.weights.get(one.name or "", one.weight), score)
            for one, score in zip(self._asserted, scores, strict=True)
            if one.mode != "shadow"
        ]
        total = sum(weight for weight, _ in counted)
        return sum(weight * score for weight, score in counted) / total if total else 1.0

    def _fail(self, code: str) -> Verdict:
        match self.failure_action.action:
            case "flag":
                return Allow(code=code)
            case "escalate":
                return Escalate(code, "the answer must be seen by a person first")
            case "block":
                return Block(code, MESSAGE)


def _answers(exchange: Exchange) -> list[str]:
    """What each choice says."""
    said: dict[int, list[str]] = {}
    for text in exchange.texts:
        if text.part is Part.CONTENT and text.value.strip():
            said.setdefault(text.choice, []).append(text.value)
    return ["\n".join(texts) for texts in said.values()]


def _score(provider: JudgeModel, answer: Answer) -> float:
    reply = provider.reply(answer)
    try:
        score = amount(reply["score"])
    except (KeyError, TypeError):
        raise UnusableAnswerError(answer, "garbled") from None
    if not 0 <= score <= 1:
        raise UnusableAnswerError(answer, "garbled")
    return score
