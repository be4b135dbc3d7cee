"""
How alike two sentences are by their letters: words and parts of words, counted and compared by the angle between them.
A longer reference counts also by how much of it stands in the other: what is put around a copy does not hide it.

It is lexical. A sentence that says the same in other words is not like it, however well a reader would know it again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from keeptrusts.detect.fold import fold_text

_END: Final = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+[\"')\]\u201d\u2019]*(?=\s|$)|\n+")
_WORD: Final = re.compile(r"[^\W_]+")
LONGEST: Final = 300
"""A sentence without an end is cut here, in characters."""
_SHORT: Final = 3
_SHORT_WEIGHT: Final = 0.25
_PART_WEIGHT: Final = 0.35
_PART: Final = "#"
_TELLING: Final = 5
"""Longer words that a sentence must have, that to find them in another tells something."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence that says something; together they hold every word of the text."""
    return [(start, end) for start, end in _cut(text) if _WORD.search(text, start, end)]


def _cut(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for found in (*(match.end() for match in _END.finditer(text)), len(text)):
        while found - at > LONGEST:
            blank = text.rfind(" ", at + 1, at + LONGEST)
            end = blank if blank > at else at + LONGEST
            yield at, end
            at = end
        if found > at:
            yield at, found
            at = found


def features(text: str) -> dict[str, float]:
    """Words and their parts of three letters, by weight; the whole of length one. Empty when there is no word."""
    counted: dict[str, float] = {}
    for word in _WORD.findall(fold_text(text, lower=True)):
        for name, weight in _named(word):
            counted[name] = counted.get(name, 0.0) + weight
    length = math.sqrt(sum(weight * weight for weight in counted.values()))
    return {name: weight / length for name, weight in counted.items()} if length else {}


@lru_cache(maxsize=4096)
def _named(word: str) -> tuple[tuple[str, float], ...]:
    if len(word) <= _SHORT:
        return ((word, _SHORT_WEIGHT),)
    padded = f"<{word}>"
    parts = (padded[at : at + 3] + _PART for at in range(len(padded) - 2))
    return ((word, 1.0), *((part, _PART_WEIGHT) for part in parts))


@dataclass(frozen=True, slots=True)
class Likeness:
    """A sentence of a text that is like one of a category's. `score` is 0-1."""

    label: str
    start: int
    end: int
    score: float


class References:
    """
    The sentences of each category, laid out so that a sentence is compared with all of them at once.

    Args:
        categories: Pairs of label and reference text.
    """

    def __init__(self, categories: Iterable[tuple[str, str]]) -> None:
        self._labels: list[str] = []
        self._is_telling: list[bool] = []
        self._index: dict[str, list[tuple[int, float]]] = {}
        for label, text in categories:
            for start, end in sentences(text):
                self._add(label, features(text[start:end]))

    def _add(self, label: str, named: Mapping[str, float]) -> None:
        number = len(self._labels)
        self._labels.append(label)
        words = sum(len(name) > _SHORT and not name.endswith(_PART) for name in named)
        self._is_telling.append(words >= _TELLING)
        for name, weight in named.items():
            self._index.setdefault(name, []).append((number, weight))

    def find(self, text: str, threshold: float) -> list[Likeness]:
        """Sentences that are as like as `threshold` to one of a category: for each the category it is most like."""
        found = []
        for start, end in sentences(text):
            best = self._best(features(text[start:end]))
            if best is not None and best[1] >= threshold:
                found.append(Likeness(best[0], start, end, best[1]))
        return found

    def _best(self, named: Mapping[str, float]) -> tuple[str, float] | None:
        alike: dict[int, float] = {}
        held: dict[int, float] = {}
        for name, weight in named.items():
            for number, other in self._index.get(name, ()):
                alike[number] = alike.get(number, 0.0) + weight * other
                held[number] = held.get(number, 0.0) + other * other
        if not alike:
            return None
        scores = {number: max(one, held[number] * self._is_telling[number]) for number, one in alike.items()}
        number = max(scores, key=lambda one: (scores[one], -one))
        return self._labels[number], min(scores[number], 1.0)


def grouped(spans: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Neighbours put together, so many to a group."""
    return [(spans[at][0], spans[min(at + size, len(spans)) - 1][1]) for at in range(0, len(spans), size)]
