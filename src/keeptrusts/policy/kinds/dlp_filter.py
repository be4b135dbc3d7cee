"""An organisation's own words and patterns kept inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Phrase, Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.wordlist import idle_distance

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns
    from keeptrusts.detect.terms import Terms

TERM, PATTERN, MARKING = "term", "pattern", "marking"
MARKINGS = {
    "standard": (),
    "high": ("strictly confidential", "top secret", "highly confidential"),
    "restricted": (
        *(
            "strictly confidential",
            "top secret",
            "highly confidential",
            "company confidential",
            "for internal use only",
        ),
        *("internal use only", "do not distribute", "not for distribution", "proprietary and confidential"),
    ),
}
"""Markings of documents that each level looks for besides the listed terms."""


@dataclass(frozen=True)
class DlpFilter(Policy):
    """
    Redact or refuse listed terms and patterns.

    Terms are found however they are cased, spaced or disguised, as whole words; with `fuzzy_matching` also with
    typing errors, as far as a term is long enough to bear them: one for each three letters.
    """

    kind: ClassVar[str] = "dlp-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        blocked_terms: [Project Apollo]
        detect_patterns: ["INV-[0-9]{8}"]
        fuzzy_matching: true
    """

    detect_patterns: Annotated[tuple[Regex, ...], Attr("Patterns; their category is `pattern`.", stronger="more")] = ()
    blocked_terms: Annotated[tuple[Phrase, ...], Attr("Terms; their category is `term`.", stronger="more")] = ()
    action: Annotated[
        Literal["redact", "block"], Attr("Put a marker in its place, or refuse.", stronger=("redact", "block"))
    ] = "redact"
    fuzzy_matching: Annotated[bool, Attr("Find terms with typing errors.", stronger="on")] = False
    max_distance: Annotated[
        int, Attr("Most errors in a term, for `fuzzy_matching`.", minimum=0, maximum=8, stronger="higher")
    ] = 1
    sensitivity_level: Annotated[
        Literal["standard", "high", "restricted"],
        Attr(
            "`high` also finds markings such as `strictly confidential`; `restricted` more of them.",
            stronger=("standard", "high", "restricted"),
        ),
    ] = "standard"

    def faults(self) -> Iterable[Fault]:
        return idle_distance(self.max_distance, fuzzy=self.fuzzy_matching)

    def judge(self, exchange: Exchange) -> Verdict:
        found = matches_in(exchange.texts, lambda text: self._find(text, answered=exchange.answered))
        edits = edits_for(found, LABELS)
        return block_or_redact(self.action, "dlp_filter", "the text holds what may not leave", edits)

    def _find(self, text: str, *, answered: bool) -> list[Hit]:
        found = self._terms.find(text, limited=answered)
        if self.detect_patterns:
            found += self._patterns.find(text, limited=answered)
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    @cached_property
    def _terms(self) -> Terms:
        from keeptrusts.detect.terms import Terms

        return Terms(self._phrases(), max_distance=self._errors())

    def _phrases(self) -> dict[str, tuple[str, ...]]:
        return {TERM: self.blocked_terms, MARKING: MARKINGS[self.sensitivity_level]}

    def _errors(self) -> int:
        return self.max_distance if self.fuzzy_matching else 0

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self.detect_patterns, PATTERN)

    def holdback(self) -> int | None:
        from keeptrusts.detect.pattern import widest

        own = widest(self.detect_patterns)
        return None if own is None else max(own, self._terms.width)
