"""
How likely a text is meant to steer a model: weighted rules over windows and a classifier, also behind the usual
disguises.

By the rules, the score of a window is one less the product of what each category leaves in doubt, and that of a text is
its worst window's, so that padding does not dilute an attack. The classifier weighs the rules with its own logit; the
greater of both scores stands, so that it never takes back what the rules are sure of.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple

from keeptrusts.detect.classifier import Window, shipped_model, span_of, tokens_in
from keeptrusts.detect.disguises import Reading, has_run, readings
from keeptrusts.detect.fold import View, fold_text, honest_view, plain_view, view
from keeptrusts.detect.memory import remembered
from keeptrusts.detect.pattern import read_pattern
from keeptrusts.detect.phrases import BEGINNINGS, RULES
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

WINDOW: Final = 1200
_BLANKS: Final = r"[\s,'\"*\x5f-]"
_SPOKEN: Final = frozenset({"override", "prompt_leak", "persona", "refusal_suppression", "authority", "hypothetical"})
_DENIED: Final = re.compile(
    r"(?:\b(?:not|never|cannot|without)|n['\u2019]t)[\s,]+"
    r"(?:(?:ever|directly|reveal\w*|shar\w+|show\w*|repeat\w*|disclos\w+|discuss\w*|quot\w+|mention\w*|or|and)[\s,]+){0,6}$",
    re.IGNORECASE,
)
_BEFORE: Final = 80
"""Characters before a match in which it may be denied."""
CLASSIFIER: Final = "classifier"
"""Category of a window that the classifier points at."""


class Assessment(NamedTuple):
    """
    What was found.

    Args:
        score: 0-1.
        ruled: By rules, each with its weight as confidence; those in decoded text span the encoded token.
        place: Where the classifier points; asked for when it is needed.
    """

    score: float = 0.0
    ruled: tuple[Hit, ...] = ()
    place: Callable[[], Hit] | None = None

    @property
    def hits(self) -> tuple[Hit, ...]:
        """All of them, the classifier's last."""
        return self.ruled if self.place is None else (*self.ruled, self.place())


class Looks(NamedTuple):
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
    """`_` is a gap between words, `_?` one that may be absent. Letters are those that they fold to."""
    folded = text if text.isascii() else fold_text(text)
    spaced = folded.replace("_?", _BLANKS + "{0,4}").replace("_", _BLANKS + "{1,4}")
    return spaced.replace(r"\w", "[a-z0-9']").replace(r"\b", "")


@cache
def injection_rules() -> RuleSet:
    """The rules; a rule's category is its number, since weights differ within one category."""
    rules = []
    for number, (category, _, pattern) in enumerate(RULES):
        edge = WORD if category in _SPOKEN and pattern.isascii() else frozenset[str]()
        beginning = next(filter(pattern.startswith, BEGINNINGS), "")
        sieve = _pattern(beginning)
        back = read_pattern(sieve).most or 0
        rules.append(Rule(str(number), _pattern(pattern), before=edge, after=frozenset(), sieve=sieve, back=back))
    return RuleSet(rules)


@remembered
def assess(text: str, looks: Looks = EVERYTHING, *, classify: bool = False) -> Assessment:
    """
    Score a text.

    Args:
        classify: Ask the classifier too.
    """
    seen = looks.view(text)
    runs = has_run(seen.data)
    tokens = tokens_in(seen.data, cut=runs)
    others = list(readings(text, tokens, encoded=looks.base64, runs=runs))
    found = [(hit, None) for hit in _found(seen) if not _is_denied(hit, text)] + [
        (_placed(hit, other), other) for other in others for hit in _found(looks.view(other.text))
    ]
    hits = sorted((hit for hit, _ in found if looks.counts(hit)), key=lambda hit: hit.start)
    ruled = _worst_window(hits) if hits else 0.0
    if not classify:
        return Assessment(ruled, tuple(hits))
    settled = [(one.start, one.end) for one in others if one.decoded]
    settled += [(hit.start, hit.end) for hit, other in found if other is None and not looks.counts(hit)]
    told = _blanked(text, sorted(settled))
    model = shipped_model()
    worst, reading = model.worst(tokens if told is text else tokens_in(looks.view(told).data)), None
    for other in others:
        window = model.worst(tokens_in(looks.view(other.text).data))
        if window.logit > worst.logit:
            worst, reading = window, other
    score = round(model.score(worst.logit, ruled), 4)
    return Assessment(
        max(ruled, score),
        tuple(hits),
        lambda: _Suspect(reading or Reading(told, 0, len(text), whole=True), worst).hit(looks, score),
    )


def _is_denied(hit: Hit, text: str) -> bool:
    """Whether it forbids what attackers ask for: system prompts say that they are not to be revealed."""
    return hit.category == "prompt_leak" and bool(_DENIED.search(text[max(hit.start - _BEFORE, 0) : hit.start]))


def _blanked(text: str, places: Sequence[tuple[int, int]]) -> str:
    """The text without what stands in these places, which are in order; what is left keeps its place."""
    if not places:
        return text
    parts, at = [], 0
    for first, end in places:
        start = max(first, at)
        parts += [text[at:start], " " * max(end - start, 0)]
        at = max(start, end)
    return "".join((*parts, text[at:]))


def _placed(hit: Hit, reading: Reading) -> Hit:
    return hit if reading.whole else replace(hit, start=reading.start, end=reading.end, value=reading.start)


@dataclass(frozen=True, slots=True)
class _Suspect:
    """The window of a text that reads most like an attack."""

    reading: Reading
    window: Window

    def hit(self, looks: Looks, score: float) -> Hit:
        """Its characters in the text."""
        start, end = self.reading.start, self.reading.end
        first, stop = self.window.start, self.window.stop
        if self.reading.whole and stop > first:
            seen = looks.view(self.reading.text)
            low, high = span_of(seen.data.decode("utf-8", "replace"), first, stop - 1)
            start, end = _origins(seen, low, high)
        return Hit(start, end, CLASSIFIER, start, score)


def _origins(seen: View, low: int, high: int) -> tuple[int, int]:
    """Characters of the original for characters of the folded text."""
    if seen.data.isascii():
        return seen.origin(low), seen.end(high)
    folded = seen.data.decode("utf-8", "replace")
    first = len(folded[:low].encode("utf-8", "replace"))
    last = first + len(folded[low:high].encode("utf-8", "replace"))
    return seen.origin(first), seen.end(last)


def _found(seen: View) -> Iterator[Hit]:
    for hit in injection_rules().find(seen):
        category, weight, _ = RULES[int(hit.category)]
        yield replace(hit, category=category, confidence=weight)


def _worst_window(hits: Iterable[Hit]) -> float:
    """Windows begin with a hit. Hits leave them in the order in which they came, which is by start."""
    ordered = list(hits)
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
