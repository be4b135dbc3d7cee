"""Answers reviewed by another model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Part, Phase, Text
from keeptrusts.core.verdict import Allow, Block, Edit, Escalate, Redact, Verdict
from keeptrusts.policy.asking import Answer, Ask, UnusableAnswerError, word
from keeptrusts.policy.endpoints import secrets_of
from keeptrusts.policy.judges import JudgeModel
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault

MESSAGE: Final = "the answer did not pass its review"
FLAGGED: Final = "flagged"
REVISED: Final = "revised"
TASK: Final = (
    "You review an answer that an AI system is about to give. Flag it when it is harmful, unlawful, hateful, sexualises"
    " minors, reveals personal data or secrets, or gives dangerous instructions."
)


@dataclass(frozen=True)
class FlaggedReview(Policy):
    """
    Have another model review answers before anybody sees them.

    The reviewer is asked whether the answer is to be flagged, and what then happens is the `mode`: `judge` refuses a
    flagged answer; `escalate` withholds it until somebody decides; `audit_only` records it and lets it pass;
    `review_and_return` gives the client the reviewer's revised text instead, where the answer is one text, and refuses
    it otherwise. A revised text is reviewed again as often as `recursion_depth_max` says; one that is still flagged is
    refused. Kinds after this one judge the revised text.

    With `provider_isolation` the reviewer is shown the answer alone; without it, the request as well. It is never shown
    who asked, nor any credential of theirs. With `rationale_capture` it names a category, which becomes the reason code
    as one word, `flagged_review.<category>`; its own words are not recorded.

    A reviewer that gives no usable answer counts as an objection, `flagged_review.error`; with `audit_only` the answer
    passes and the record says `degraded`.
    """

    kind: ClassVar[str] = "flagged-review"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    rewrites: ClassVar[bool] = True
    example: ClassVar[str] = """
        mode: escalate
        provider:
          provider: anthropic
          model: claude-sonnet-4-5
          secret_key_ref: {env: REVIEWER_KEY}
    """

    provider: Annotated[JudgeModel, Attr("The model that reviews.")]
    mode: Annotated[
        Literal["judge", "review_and_return", "audit_only", "escalate"],
        Attr("What happens to a flagged answer.", stronger="unclear"),
    ] = "judge"
    recursion_depth_max: Annotated[
        int, Attr("Reviews of one answer, its revisions included.", minimum=1, maximum=5, stronger="unclear")
    ] = 1
    provider_isolation: Annotated[bool, Attr("The reviewer does not see the request.", stronger="unclear")] = True
    rationale_capture: Annotated[bool, Attr("A category of the reviewer is the reason.", stronger="neutral")] = True

    def faults(self) -> Iterable[Fault]:
        if self.recursion_depth_max > 1 and self.mode != "review_and_return":
            message = "only `mode: review_and_return` has anything to review again"
            yield Fault("E009", ("recursion_depth_max",), message, "remove it, or change the mode")

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self.provider.secret_key_ref)

    def fails_open(self) -> bool:
        return self.mode == "audit_only"

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        texts = [text for text in exchange.texts if text.value.strip()]
        if not texts:
            return Allow()
        return self._review(exchange, texts, 1)

    def _review(self, exchange: Exchange, texts: Sequence[Text], depth: int) -> Ask:
        parts = [f"[{text.part}]\n{text.value}" for text in texts]
        if not self.provider_isolation:
            asked = [f"[request, {text.role}]\n{text.value}" for text in exchange.asked if text.value.strip()]
            parts = [*asked, *(f"[answer] {part}" for part in parts)]
        question = self.provider.question(TASK, self._form(), "\n\n".join(parts))
        return Ask((question,), partial(self._conclude, exchange, texts, depth))

    def _form(self) -> str:
        form = '{"flagged": true or false'
        if self.rationale_capture:
            form += ', "category": "one word that says why"'
        if self.mode == "review_and_return":
            form += ', "revised": "the whole answer with what is wrong taken out, when it is flagged"'
        return form + "}"

    def _conclude(
        self, exchange: Exchange, texts: Sequence[Text], depth: int, answers: tuple[Answer, ...]
    ) -> Verdict | Ask:
        answer = answers[0]
        reply = self.provider.reply(answer)
        if not isinstance(reply.get("flagged"), bool):
            raise UnusableAnswerError(answer, "garbled")
        if not reply["flagged"]:
            return self._passed(exchange, texts)
        code = f"flagged_review.{self._category(reply)}"
        match self.mode:
            case "audit_only":
                return Allow(code=code)
            case "escalate":
                return Escalate(code, "the answer must be seen by a person first")
            case "judge":
                return Block(code, MESSAGE)
            case "review_and_return":
                return self._revised(exchange, texts, depth, reply, code)

    def _category(self, reply: dict[str, Any]) -> str:
        named = reply.get("category")
        return word(named) if self.rationale_capture and isinstance(named, str) and named else FLAGGED

    def _passed(self, exchange: Exchange, texts: Sequence[Text]) -> Verdict:
        edits = [
            Edit(old.place, 0, len(old.value), REVISED, new.value)
            for old in exchange.texts
            for new in texts
            if old.place == new.place and old.value != new.value
        ]
        return Redact(f"flagged_review.{REVISED}", tuple(edits)) if edits else Allow()

    def _revised(
        self, exchange: Exchange, texts: Sequence[Text], depth: int, reply: dict[str, Any], code: str
    ) -> Verdict | Ask:
        revised = reply.get("revised")
        last = depth == self.recursion_depth_max
        if len(texts) != 1 or texts[0].part is not Part.CONTENT or not isinstance(revised, str) or not revised.strip():
            return Block(code, MESSAGE)
        if last and depth > 1:  # it was revised before, and flagged again
            return Block(code, MESSAGE)
        changed = [replace(texts[0], value=revised)]
        return self._passed(exchange, changed) if last else self._review(exchange, changed, depth + 1)
