"""What must not be asked of a model, nor said by it, in a field where lives depend on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Phrase
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.wordlist import (
    BlockOrEscalate,
    FuzzyMatching,
    MaxDistance,
    Wordlist,
    block_or_escalate,
    idle_distance,
)


@dataclass(frozen=True)
class SafetyFilter(Policy):
    """
    Refuse or escalate texts about doing harm, by phrases that say the intent.

    Built in for every mode, and without one, are `explosives`, `weapons`, `self_harm`, `child_abuse` and
    `mass_violence`. A mode adds its own: `critical_infrastructure` and `automotive` among others `safety_systems`,
    `law_enforcement` among others `protected_identities` and `evidence`, `education` `academic_integrity`, `bullying`
    and, by the age of the pupils, `graphic_violence`, `dating`, `alcohol`, `tobacco`, `drugs`, `gambling` and
    `sexual_content`. The reason names the category. A list of phrases finds what is said in so many words: it is a
    first line, and no moderation.
    """

    kind: ClassVar[str] = "safety-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        mode: critical_infrastructure
        block_if: [open valve 7 remotely]
    """

    mode: Annotated[
        Literal["critical_infrastructure", "automotive", "education", "law_enforcement"] | None,
        Attr("The field whose phrases are added.", stronger="unclear"),
    ] = None
    block_if: Annotated[
        tuple[Phrase, ...], Attr("Phrases besides the built-in ones; their category is `listed`.", stronger="more")
    ] = ()
    replace_builtins: Annotated[bool, Attr("Only `block_if` counts.", stronger="off")] = False
    action: BlockOrEscalate = "block"
    fuzzy_matching: FuzzyMatching = False
    max_distance: MaxDistance = 1
    max_age: Annotated[
        int | None,
        Attr(
            "With `mode: education`: age of the oldest pupil. What is suitable from that age on is let through; "
            "absent, nothing that has an age is.",
            minimum=3,
            maximum=120,
            stronger="lower",
        ),
    ] = None

    def beside(self, other: Self) -> Self:
        """Without an age it is as strict as for the youngest."""
        return replace(self, max_age=0) if self.max_age is None and other.max_age is not None else self

    def faults(self) -> Iterable[Fault]:
        if self.replace_builtins and not self.block_if:
            message = "`replace_builtins` without `block_if` leaves nothing to look for"
            yield Fault("E009", ("replace_builtins",), message, "list phrases in `block_if`")
        if self.max_age is not None and self.mode != "education":
            message = "`max_age` has an effect in `mode: education` alone"
            yield Fault("E009", ("max_age",), message, "write `mode: education`, or remove it")
        yield from idle_distance(self.max_distance, fuzzy=self.fuzzy_matching)

    def judge(self, exchange: Exchange) -> Verdict:
        message = "the text asks for, or gives, what may do harm"
        return block_or_escalate(self.action, "safety_filter", message, self._words.matches(exchange))

    def is_silent(self, text: str) -> bool:
        return self._words.is_silent(text)

    @cached_property
    def _words(self) -> Wordlist:
        builtins = {} if self.replace_builtins else self._builtins()
        errors = self.max_distance if self.fuzzy_matching else 0
        return Wordlist({"listed": self.block_if}, builtins, max_distance=errors)

    def _builtins(self) -> dict[str, tuple[str, ...]]:
        from keeptrusts.detect.wordlists import safety

        own: safety.Phrases = {}
        match self.mode:
            case "critical_infrastructure":
                own = safety.CRITICAL_INFRASTRUCTURE
            case "automotive":
                own = safety.AUTOMOTIVE
            case "law_enforcement":
                own = safety.LAW_ENFORCEMENT
            case "education":
                rated = safety.RATED.items()
                unsuitable = {name: said for name, (age, said) in rated if self.max_age is None or age > self.max_age}
                own = {**safety.EDUCATION, **unsuitable}
            case None:
                pass
        return {**safety.EVERYWHERE, **own}

    def holdback(self) -> int | None:
        return None if self.action == "escalate" else self._words.width
