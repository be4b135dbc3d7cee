"""Unfair statements about groups of people in answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Match, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.wordlist import BlockOrEscalate, block_or_escalate


@dataclass(frozen=True)
class BiasMonitor(Policy):
    """
    Escalate or refuse answers that say something unfair about a group of people.

    Rules for English find what is said outright: that a group is lazy, dangerous or less able, that it should not be
    hired, housed or trusted, or that somebody is to be refused for belonging to it. Each finding has a confidence from
    0 to 1; that a group is good at something has 0.6, and a sentence that calls a statement a stereotype or wrong
    loses 0.4. What is only implied is not found. The reason names the characteristic: `sex`, `gender_identity`,
    `sexual_orientation`, `race`, `ethnicity`, `national_origin`, `religion`, `age`, `disability`, `pregnancy`,
    `marital_status`, `veteran_status` or `socioeconomic_status`.
    """

    kind: ClassVar[str] = "bias-monitor"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    example: ClassVar[str] = """
        protected_characteristics: [sex, age, disability]
        action: block
    """

    protected_characteristics: Annotated[
        tuple[str, ...],
        Attr("Characteristics; empty means all. `gender` stands for `sex` and `gender_identity`.", stronger="among"),
    ] = ()
    threshold: Annotated[
        float, Attr("Confidence from which a statement counts.", minimum=0, maximum=1, stronger="lower")
    ] = 0.85
    action: BlockOrEscalate = "escalate"

    def faults(self) -> Iterable[Fault]:
        from keeptrusts.detect.bias import CHARACTERISTICS, OTHER_NAMES

        known = (*CHARACTERISTICS, *OTHER_NAMES)
        for index, name in enumerate(self.protected_characteristics):
            if name not in known:
                message = f"`{name[:60]}` is not a characteristic that this version recognises"
                yield Fault("E009", ("protected_characteristics", index), message, suggest(name, known, "names"))

    def judge(self, exchange: Exchange) -> Verdict:
        from keeptrusts.detect.bias import find_bias

        found = tuple(
            Match(text.place, hit.start, hit.end, hit.category)
            for text in exchange.texts
            for hit in find_bias(text.value, self._characteristics)
            if hit.confidence >= self.threshold
        )
        return block_or_escalate(self.action, "bias_monitor", "the answer is unfair to a group of people", found)

    @cached_property
    def _characteristics(self) -> frozenset[str]:
        from keeptrusts.detect.bias import CHARACTERISTICS, OTHER_NAMES

        named = (OTHER_NAMES.get(name, (name,)) for name in self.protected_characteristics)
        return frozenset(one for names in named for one in names) or frozenset(CHARACTERISTICS)

    def holdback(self) -> int | None:
        """The sentence around a statement may take it back."""
        return None
