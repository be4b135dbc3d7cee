"""Technical data under export control, kept out of requests and answers."""

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
    BlockOnly,
    FuzzyMatching,
    MaxDistance,
    Wordlist,
    block_or_escalate,
    idle_distance,
)


@dataclass(frozen=True)
class ItarEarFilter(Policy):
    """
    Refuse texts about what is controlled under the International Traffic in Arms Regulations (ITAR) and the Export
    Administration Regulations (EAR).

    Built in are markings of controlled documents, numbers of the control lists (`ECCN 9E003`, `USML Category XI`,
    `22 CFR 120`), and phrases of the categories of the United States Munitions List (22 CFR 121.1). The reason names
    the category. A list of phrases is no classification of an export: it finds what is called by its name.
    """

    kind: ClassVar[str] = "itar-ear-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        blocked_terms: [Project Halberd seeker]
        fuzzy_matching: true
    """

    blocked_terms: Annotated[
        tuple[Phrase, ...], Attr("Phrases besides the built-in ones; their category is `term`.", stronger="more")
    ] = ()
    fuzzy_matching: FuzzyMatching = False
    max_distance: MaxDistance = 1
    action: BlockOnly = "block"

    def faults(self) -> Iterable[Fault]:
        return idle_distance(self.max_distance, fuzzy=self.fuzzy_matching)

    def judge(self, exchange: Exchange) -> Verdict:
        found = self._words.matches(exchange)
        return block_or_escalate(
            self.action, "itar_ear_filter", "the text is about what is under export control", found
        )

    @cached_property
    def _words(self) -> Wordlist:
        from keeptrusts.detect.wordlists.export_control import CLASSIFICATION, COMMERCE, MARKINGS, MUNITIONS

        builtin = {"marking": MARKINGS, **MUNITIONS, **COMMERCE}
        numbers = {"classification": CLASSIFICATION}
        errors = self.max_distance if self.fuzzy_matching else 0
        return Wordlist({"term": self.blocked_terms}, builtin, numbers, max_distance=errors)

    def holdback(self) -> int | None:
        return self._words.width
