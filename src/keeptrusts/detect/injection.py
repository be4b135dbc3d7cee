"""
How likely a text is meant to steer a model: weighted rules over windows, also behind the usual encodings.

The score of a window is one less the product of what each category leaves in doubt; the score of a text is that of
its worst window, so that padding does not dilute an attack.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from keeptrusts.detect.fold import View, honest_view, plain_view, view
from keeptrusts.detect.phrases import RULES
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

WINDOW: Final = 1200
_BLANKS: Final = r"[\s,'\"*\x5f-]"
_SPOKEN: Final = frozenset({"override", "prompt_leak", "persona", "refusal_suppression", "authority", "hypothetical"})
_MAX_TOKENS: Final = 64
_TOKENS: Final = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_LEET_SIGNS: Final = frozenset("013457@$!")
_LEET_WORDS: Final = 3
_LEET: Final = str.maketrans("013457@$!", "oieastasi")


@dataclass(frozen=True, slots=True)
class Assessment:
    """
    What was found.

    Args:
        score: 0-1.
        hits: Each with its weight as confidence; those in decoded text span the encoded token.
    """

    score: float = 0.0
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Looks:
    """What to look behind and for."""

    base64: bool = True
    unicode: bool = True
    homoglyphs: bool = True
    delimiters: bool = True
    boundaries: bool = True

    def counts(self, hit: Hit) -> bool:
        """Whether this hit is looked for."""
        return {"delimiter": self.delimiters, "fake_boundary": self.boundaries}.get(hit.category, True)

    def view(self, text: str) -> View:
        """The text as it is to be read."""
        if self.homoglyphs:
            return view(text, lower=True)
        if self.unicode:
            return honest_view(text)
        plain = plain_view(text)
        return View(text, plain.data.lower(), plain.origins)


EVERYTHING: Final = Looks()


def _pattern(text: str) -> str:
    """`_` is a gap between words, `_?` one that may be absent."""
    spaced = text.replace("_?", _BLANKS + "{0,4}").replace("_", _BLANKS + "{1,4}")
    return spaced.replace(r"\w", "[a-z0-9']").replace(r"\b", "")


@cache
def injection_rules() -> RuleSet:
    """The rules; a rule's category is its number, since weights differ within one category."""
    rules = []
    for number, (category, _, pattern) in enumerate(RULES):
        edge = WORD if category in _SPOKEN and pattern.isascii() else frozenset[str]()
        rules.append(Rule(str(number), _pattern(pattern), before=edge, after=frozenset()))
    return RuleSet(rules)


def assess(text: str, looks: Looks = EVERYTHING) -> Assessment:
    """Score a text by the rules."""
    hits = [hit for hit in _hits(text, looks) if looks.counts(hit)]
    return Assessment(_worst_window(hits), tuple(sorted(hits, key=lambda hit: hit.start)))


def _hits(text: str, looks: Looks) -> Iterator[Hit]:
    yield from _found(looks.view(text))
    if _is_leet(text):
        yield from _found(looks.view(text.translate(_LEET)))
    if looks.base64:
        for start, end, decoded in decoded_tokens(text):
            for hit in _found(view(decoded, lower=True)):
                yield replace(hit, start=start, end=end, value=start)


def _found(seen: View) -> Iterator[Hit]:
    for hit in injection_rules().find(seen):
        category, weight, _ = RULES[int(hit.category)]
        yield replace(hit, category=category, confidence=weight)


def _is_leet(text: str) -> bool:
    """Three words or more mix letters with the digits and signs that stand for some."""
    if sum(map(text.count, _LEET_SIGNS)) < _LEET_WORDS:
        return False
    mixed = 0
    for word in text.split():
        if not _LEET_SIGNS.isdisjoint(word) and any(map(str.isalpha, word)):
            mixed += 1
            if mixed == _LEET_WORDS:
                return True
    return False


def _worst_window(hits: Iterable[Hit]) -> float:
    """Windows begin with a hit. Hits leave them in the order in which they came."""
    ordered = sorted(hits, key=lambda hit: hit.start)
    left: dict[str, deque[Hit]] = {}
    worst, ahead = 0.0, 0
    for opening in ordered:
        while ahead < len(ordered) and ordered[ahead].start <= opening.start + WINDOW:
            _note(left.setdefault(ordered[ahead].category, deque()), ordered[ahead])
            ahead += 1
        worst = max(worst, 1 - math.prod(1 - heaviest[0].confidence for heaviest in left.values() if heaviest))
        same = left[opening.category]
        if same[0] is opening:
            same.popleft()
    return round(worst, 4)


def _note(heaviest: deque[Hit], hit: Hit) -> None:
    """Keep the hits of one category that may still be its heaviest when earlier ones have left."""
    while heaviest and heaviest[-1].confidence <= hit.confidence:
        heaviest.pop()
    heaviest.append(hit)


def decoded_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Long runs of base64 or hexadecimal that decode to readable text, with their places; at most 64 of them."""
    count = 0
    for found in _TOKENS.finditer(text):
        decoded = _decoded(found.group())
        if decoded:
            yield found.start(), found.end(), decoded
            count += 1
            if count == _MAX_TOKENS:
                return


def _decoded(token: str) -> str | None:
    if _HEXADECIMAL.issuperset(token) and len(token) % 2 == 0:
        return _readable(bytes.fromhex(token))
    standard = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (ValueError, binascii.Error):
        return None


def _readable(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    printed = sum(letter.isprintable() or letter.isspace() for letter in text)
    return text if printed >= 0.95 * len(text) else None
