"""Names of persons and organisations with whom nothing may be done."""

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
from keeptrusts.policy.wordlist import FuzzyMatching, MaxDistance, Wordlist, block_or_escalate, idle_distance


@dataclass(frozen=True)
class EntityListFilter(Policy):
    """
    Refuse texts that name a listed entity.

    The list is yours: lists such as the Consolidated Screening List change daily, so none is built in. A name is found
    however it is cased, spaced or punctuated, with and without the legal form at its end (`Acme Trading Co., Ltd.` is
    also found as `ACME Trading`) as long as two words remain. Write down aliases as entities of their own.
    """

    kind: ClassVar[str] = "entity-list-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        blocked_entities: ["Acme Trading Co., Ltd.", Ivan Petrovich Sidorov]
        fuzzy_matching: true
    """

    blocked_entities: Annotated[tuple[Phrase, ...], Attr("Names, each once for every alias.", stronger="more")] = ()
    fuzzy_matching: FuzzyMatching = False
    max_distance: MaxDistance = 1

    def faults(self) -> Iterable[Fault]:
        from keeptrusts.detect.names import spellings

        for index, name in enumerate(self.blocked_entities):
            if not any(spellings(name)):
                yield Fault("E003", ("blocked_entities", index), "the name holds no letter and no digit")
        yield from idle_distance(self.max_distance, fuzzy=self.fuzzy_matching)

    def judge(self, exchange: Exchange) -> Verdict:
        found = self._names.matches(exchange)
        return block_or_escalate("block", "entity_list_filter", "the text names an entity that is listed", found)

    @cached_property
    def _names(self) -> Wordlist:
        from keeptrusts.detect.names import spellings

        names = tuple(spelling for name in self.blocked_entities for spelling in spellings(name))
        return Wordlist({"entity": names}, max_distance=self.max_distance if self.fuzzy_matching else 0)

    def holdback(self) -> int | None:
        return self._names.width
