"""Goods and knowledge with a civil and a military use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

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
class DualUseFilter(Policy):
    """
    Refuse or escalate texts about dual-use goods and technologies.

    Built in are phrases of the lists of the Nuclear Suppliers Group, the Australia Group, the Missile Technology
    Control Regime and the Wassenaar Arrangement: `nuclear`, `chemical_precursors`, `biological_agents`,
    `missile_technology`, `electronics_and_computing`, `surveillance_and_cyber`, `sensors_and_navigation` and
    `materials_processing`. The reason names the category.
    """

    kind: ClassVar[str] = "dual-use-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        blocked_terms: [neutron generator tube]
    """

    blocked_terms: Annotated[
        tuple[Phrase, ...], Attr("Phrases besides the built-in ones; their category is `term`.", stronger="more")
    ] = ()
    fuzzy_matching: FuzzyMatching = False
    max_distance: MaxDistance = 1
    action: BlockOrEscalate = "block"

    def faults(self) -> Iterable[Fault]:
        return idle_distance(self.max_distance, fuzzy=self.fuzzy_matching)

    def judge(self, exchange: Exchange) -> Verdict:
        found = self._words.matches(exchange)
        return block_or_escalate(self.action, "dual_use_filter", "the text is about a dual-use technology", found)

    @cached_property
    def _words(self) -> Wordlist:
        from keeptrusts.detect.wordlists.dual_use import DUAL_USE

        errors = self.max_distance if self.fuzzy_matching else 0
        return Wordlist({"term": self.blocked_terms}, DUAL_USE, max_distance=errors)

    def holdback(self) -> int | None:
        return None if self.action == "escalate" else self._words.width
