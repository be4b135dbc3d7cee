"""Phrases by category and patterns, looked for in the texts of an exchange: what filters of a subject are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from keeptrusts.core.exchange import Exchange
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.schema import Attr

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns
    from keeptrusts.detect.terms import Terms

FuzzyMatching: TypeAlias = Annotated[bool, Attr("Find phrases with typing errors too.", stronger="on")]
MaxDistance: TypeAlias = Annotated[
    int,
    Attr(
        "Most errors in a phrase, one for each three letters, for `fuzzy_matching`.",
        minimum=0,
        maximum=8,
        stronger="higher",
    ),
]
BlockOrEscalate: TypeAlias = Annotated[
    Literal["block", "escalate"],
    Attr("Refuse, or withhold until somebody decides.", stronger=("escalate", "block")),
]
BlockOnly: TypeAlias = Annotated[Literal["block"], Attr("Refuse; there is nothing else.", stronger=("block",))]


class Wordlist:
    """
    What is looked for.

    Phrases are found however they are cased, spaced, punctuated or disguised, as whole words, with the endings of the
    plural. Patterns are bounded, or `width` is None.

    Args:
        patterns: Category to patterns.
        max_distance: Letters that may be wrong in a phrase.
    """

    def __init__(
        self,
        phrases: Mapping[str, Sequence[str]],
        patterns: Mapping[str, Sequence[str]] | None = None,
        *,
        max_distance: int = 0,
    ) -> None:
        self._phrases = phrases
        self._expressions = {category: tuple(said) for category, said in (patterns or {}).items() if said}
        self._max_distance = max_distance

    @cached_property
    def _terms(self) -> Terms:
        from keeptrusts.detect.terms import Terms

        return Terms(self._phrases, inflected=True, punctuated=True, max_distance=self._max_distance)

    @cached_property
    def _patterns(self) -> tuple[TenantPatterns, ...]:
        from keeptrusts.detect.tenant import TenantPatterns

        return tuple(TenantPatterns(said, category) for category, said in self._expressions.items())

    @property
    def width(self) -> int | None:
        """What `Policy.holdback` says of it."""
        widths = [self._terms.width, *(one.width for one in self._patterns)]
        return None if None in widths else max(width for width in widths if width is not None)

    def find(self, text: str, *, limited: bool = False) -> list[Hit]:
        """Every match in one text, by start; `limited` as in `RuleSet.find`."""
        found = self._terms.find(text, limited=limited)
        for patterns in self._patterns:
            found += patterns.find(text, limited=limited)
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    def matches(self, exchange: Exchange) -> tuple[Match, ...]:
        """Every match in every text, text by text."""
        return tuple(
            Match(text.place, hit.start, hit.end, hit.category)
            for text in exchange.texts
            for hit in self.find(text.value, limited=exchange.answered)
        )


def block_or_escalate(
    action: Literal["block", "escalate"], code: str, message: str, found: tuple[Match, ...]
) -> Verdict:
    """
    The verdict for what was found.

    Args:
        code: The kind's prefix; the detail is the category of the first match.
    """
    if not found:
        return Allow()
    reason = f"{code}.{found[0].category}"
    return Escalate(reason, message, matches=found) if action == "escalate" else Block(reason, message, found)
