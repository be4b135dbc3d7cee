"""Phrases by category and patterns, looked for in the texts of an exchange: what filters of a subject are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from keeptrusts.core.exchange import Exchange
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.schema import Attr, Fault

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns
    from keeptrusts.detect.terms import Terms

FuzzyMatching: TypeAlias = Annotated[bool, Attr("Find phrases with typing errors too.", stronger="on")]
MaxDistance: TypeAlias = Annotated[
    int,
    Attr(
        "Most errors in a phrase for `fuzzy_matching`: one for each 3 letters, of a built-in one for each 8.",
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

_LETTERS_PER_ERROR: Final = 3
_LETTERS_PER_ERROR_OF_OURS: Final = 8


class Wordlist:
    """
    What is looked for.

    Phrases are found however they are cased, spaced, punctuated or disguised, as whole words, with the endings of the
    plural. Patterns are bounded, or `width` is None.

    Args:
        listed: Category to phrases of the document.
        builtin: Category to phrases of ours.
        patterns: Category to patterns.
        max_distance: Letters that may be wrong in a phrase. Our own bear fewer: nobody asked for `soman` to be found in
            `woman`.
    """

    def __init__(
        self,
        listed: Mapping[str, Sequence[str]],
        builtin: Mapping[str, Sequence[str]] | None = None,
        patterns: Mapping[str, Sequence[str]] | None = None,
        *,
        max_distance: int = 0,
    ) -> None:
        self._listed = listed
        self._builtin = builtin or {}
        self._expressions = {category: tuple(said) for category, said in (patterns or {}).items() if said}
        self._max_distance = max_distance

    @cached_property
    def _terms(self) -> tuple[Terms, ...]:
        listed = self._as_terms(self._listed, _LETTERS_PER_ERROR)
        return listed, self._as_terms(self._builtin, _LETTERS_PER_ERROR_OF_OURS)

    def _as_terms(self, phrases: Mapping[str, Sequence[str]], letters_per_error: int) -> Terms:
        from keeptrusts.detect.terms import Terms

        errors = self._max_distance
        return Terms(phrases, inflected=True, punctuated=True, max_distance=errors, letters_per_error=letters_per_error)

    @cached_property
    def _patterns(self) -> tuple[TenantPatterns, ...]:
        from keeptrusts.detect.tenant import TenantPatterns

        return tuple(TenantPatterns(said, category) for category, said in self._expressions.items())

    @cached_property
    def _finders(self) -> tuple[Terms | TenantPatterns, ...]:
        return (*(terms for terms in self._terms if any(terms.phrases.values())), *self._patterns)

    @property
    def width(self) -> int | None:
        """What `Policy.holdback` says of it."""
        widths = [one.width for one in self._finders]
        return None if None in widths else max((width for width in widths if width is not None), default=0)

    def is_silent(self, text: str) -> bool:
        """Whether there surely is nothing in it; no says nothing."""
        return not self._expressions and all(terms.is_silent(text) for terms in self._terms)

    def find(self, text: str, *, limited: bool = False) -> list[Hit]:
        """Every match in one text, by start; `limited` as in `RuleSet.find`."""
        found = [hit for one in self._finders for hit in one.find(text, limited=limited)]
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    def matches(self, exchange: Exchange) -> tuple[Match, ...]:
        """Every match in every text, text by text."""
        return tuple(
            Match(text.place, hit.start, hit.end, hit.category)
            for text in exchange.texts
            for hit in self.find(text.value, limited=exchange.answered)
        )


def idle_distance(max_distance: int, *, fuzzy: bool) -> Iterator[Fault]:
    """A warning where `max_distance` says something that nobody asks for."""
    if max_distance > 1 and not fuzzy:
        message = "`max_distance` does nothing without `fuzzy_matching`"
        yield Fault("W003", ("max_distance",), message, "add `fuzzy_matching: true`, or remove it")


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
