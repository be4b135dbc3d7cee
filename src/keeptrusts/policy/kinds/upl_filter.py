"""Unauthorised practice of law, kept out of answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Allow, Edit, Match, Redact, Verdict
from keeptrusts.policy.kind import Additions, Policy
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.wording import BlockedPatterns, Wording, at_least_one, block_wording, missing, spoken

if TYPE_CHECKING:
    from keeptrusts.detect.terms import Terms

DISCLAIMER: Final = "This is general information, not legal advice."
_SAID: Final = (" not legal advice ", " no legal advice ", " not constitute legal advice ", " not a legal advice ")
_INSTEAD: Final = "[see a lawyer]"
_MESSAGE: Final = "the answer gives legal advice"


@dataclass(frozen=True)
class UplFilter(Policy):
    """
    Refuse answers that give legal advice, or reframe them as information, and say that they are none.

    Advice is told by its wording in English (`you should sue`, `I advise you`, `your rights are`), however it is cased
    or disguised; `blocked_patterns` adds to it. With `rewrite_to_educational` the built-in wording is reframed, and
    what a pattern of the list matches gives way to `[see a lawyer]`. The disclaimer is added to answers about law, told
    by words such as `court` or `tenant`, that do not say it themselves.
    """

    kind: ClassVar[str] = "upl-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    adds: ClassVar[bool] = True
    example: ClassVar[str] = """
        blocked_patterns: ["we will represent you"]
        rewrite_to_educational: true
    """

    blocked_patterns: BlockedPatterns = ()
    require_disclaimer: Annotated[bool, Attr("Answers about law say that they are no legal advice.", stronger="on")] = (
        True
    )
    rewrite_to_educational: Annotated[bool, Attr("Reframe advice instead of refusing it.", stronger="off")] = False

    def judge(self, exchange: Exchange) -> Verdict:
        found = [edit for text in exchange.texts for edit in self._reframed(text, answered=exchange.answered)]
        found += [_gone(match) for match in self._wording.matches(exchange)]
        order = {text.place: index for index, text in enumerate(exchange.texts)}
        edits = tuple(sorted(found, key=lambda edit: (order[edit.place], edit.start, -edit.end)))
        if not self.rewrite_to_educational:
            matches = tuple(Match(one.place, one.start, one.end, one.category) for one in edits)
            return block_wording("upl_filter", _MESSAGE, matches)
        return Redact(f"upl_filter.{edits[0].category}", edits) if edits else Allow()

    def _reframed(self, text: Text, *, answered: bool) -> Iterator[Edit]:
        from keeptrusts.detect.advice import INSTEAD, RULES
        from keeptrusts.detect.fold import view

        for hit in RULES.find(view(text.value, lower=True), limited=answered):
            kept = text.value[hit.value : hit.end]
            yield Edit(text.place, hit.start, hit.end, "legal_advice", INSTEAD[hit.category] + kept)

    def ending(self, text: str) -> Additions:
        if not self.require_disclaimer or not self._law.find(text):
            return ()
        said = spoken(text)
        return () if any(words in said for words in _SAID) else missing(text, (DISCLAIMER,))

    @cached_property
    def _law(self) -> Terms:
        from keeptrusts.detect.advice import LEGAL_WORDS
        from keeptrusts.detect.terms import Terms

        return Terms({"law": LEGAL_WORDS}, inflected=True)

    @cached_property
    def _wording(self) -> Wording:
        return Wording(self.blocked_patterns)

    def holdback(self) -> int | None:
        from keeptrusts.detect.advice import RULES

        own = self._wording.width
        return None if own is None else at_least_one(max(own, RULES.width))


def _gone(match: Match) -> Edit:
    return Edit(match.place, match.start, match.end, match.category, _INSTEAD)
