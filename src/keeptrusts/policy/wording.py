"""What an answer in a regulated field may not say, and what it has to say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, TypeAlias

from keeptrusts.core.exchange import Exchange
from keeptrusts.core.verdict import Allow, Block, Match, Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Additions
from keeptrusts.policy.schema import Attr, Fault

if TYPE_CHECKING:
    from keeptrusts.detect.tenant import TenantPatterns

BLOCKED = "blocked_pattern"
DISCLAIMER = "disclaimer"
_BETWEEN_WORDS = re.compile(r"[\W_]+")
BlockedPatterns: TypeAlias = Annotated[
    tuple[Regex, ...], Attr("Patterns that an answer may not hold, in any case of letters.", stronger="more")
]
RequiredDisclaimers: TypeAlias = Annotated[
    tuple[Annotated[str, Attr(minimum=1, maximum=2000)], ...],
    Attr("Sentences that each answer ends with, unless it says them anyway.", stronger="more"),
]


class Wording:
    """Patterns in any case of letters, under one category."""

    def __init__(self, patterns: Sequence[str], category: str = BLOCKED) -> None:
        self._expressions = tuple(f"(?i:{pattern})" for pattern in patterns)
        self._category = category

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self._expressions, self._category)

    @property
    def width(self) -> int | None:
        """Widest match, in characters; None without a bound."""
        from keeptrusts.detect.pattern import widest

        return widest(self._expressions)

    @property
    def holdback(self) -> int | None:
        """Of a kind that adds something besides: the last character stays until what follows it is known."""
        return at_least_one(self.width)

    def judge(self, exchange: Exchange, code: str, about: str) -> Verdict:
        """Refuse what may not be said; `code` is the kind's prefix."""
        return block_wording(code, f"the answer says what may not be said about {about}", self.matches(exchange))

    def matches(self, exchange: Exchange) -> tuple[Match, ...]:
        """Every match in every text."""
        if not self._expressions:
            return ()
        return tuple(
            Match(text.place, hit.start, hit.end, hit.category)
            for text in exchange.texts
            for hit in self._patterns.find(text.value, limited=exchange.answered)
        )


def block_wording(code: str, message: str, found: tuple[Match, ...]) -> Verdict:
    """The verdict for what may not be said; `code` is the kind's prefix."""
    return Block(f"{code}.{found[0].category}", message, found) if found else Allow()


def at_least_one(width: int | None) -> int | None:
    """The hold-back of a kind that adds something: the last character stays until what follows it is known."""
    return None if width is None else max(width, 1)


def missing(text: str, sentences: Iterable[str], category: str = DISCLAIMER) -> Additions:
    """Those of the sentences that the text does not say, as they are put behind it."""
    said = spoken(text)
    return tuple((category, f"\n\n{sentence}") for sentence in sentences if spoken(sentence) not in said)


def spoken(text: str) -> str:
    """The words of a text with a blank on both sides of each, without case, punctuation and disguise."""
    from keeptrusts.detect.fold import fold_text

    return f" {_BETWEEN_WORDS.sub(' ', fold_text(text, lower=True)).strip()} "


def disclaimer_faults(key: str, sentences: Sequence[str]) -> Iterable[Fault]:
    """Sentences that nobody can see."""
    for index, sentence in enumerate(sentences):
        if not spoken(sentence).strip():
            yield Fault("E003", (key, index), "the disclaimer holds no visible character")
