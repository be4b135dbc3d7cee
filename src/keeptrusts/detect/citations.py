"""
What an answer cites, whether the sources say so, and how much of it they say.

All of it is lexical: a claim in other words than the source's counts as not grounded, and one that turns the source's
words round counts as grounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keeptrusts.detect.fold import fold_text
from keeptrusts.detect.likeness import features, sentences

_NUMBER: Final = re.compile(r"\[\^?(\d{1,3}(?:[,;\u2013-] ?\d{1,3}){0,9})\]")
_URL: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^\])]{1,500}", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"[\[(](?:source|quelle|ref|reference|cite|citation|see)s?: ?([^\])\n]{1,200})[\])]", re.IGNORECASE
)
_AUTHOR: Final = re.compile(r"\(([A-Z][^\d()\n]{1,60}?),? (1[89]\d\d|20\d\d)[a-z]?\)")
_DOI: Final = re.compile(r"\b10\.\d{4,9}/[^\s\"'<>\])]{1,100}")
_TRAILING: Final = ".,;:!?"
_SPAN: Final = 3
"""Sentences of a source that one of the answer may draw together."""


@dataclass(frozen=True, slots=True)
class Citation:
    """
    Something that an answer points to.

    Args:
        parts: What must all stand in one source, folded.
        number: Of a numbered source instead.
    """

    start: int
    end: int
    parts: tuple[str, ...] = ()
    number: int | None = None


def cited(text: str) -> list[Citation]:
    """Numbers in brackets, links, DOIs, `(Author, 2020)` and `[Source: name]`."""
    found = list(_numbers(text))
    for pattern in (_URL, _DOI):
        for match in pattern.finditer(text):
            said = match.group().rstrip(_TRAILING)
            found.append(Citation(match.start(), match.start() + len(said), (_address(said),)))
    names = (match for match in _NAMED.finditer(text) if not _URL.search(match[1]))
    found += (Citation(match.start(), match.end(), (_said(match[1]),)) for match in names)
    found += (Citation(match.start(), match.end(), (_said(match[1]), match[2])) for match in _AUTHOR.finditer(text))
    return sorted(found, key=lambda one: (one.start, one.end))


def _numbers(text: str) -> Iterator[Citation]:
    for match in _NUMBER.finditer(text):
        for number in re.findall(r"\d+", match[1]):
            yield Citation(match.start(), match.end(), number=int(number))


def named(start: int, end: int, said: str) -> Citation:
    """A citation that a pattern of the document found."""
    return Citation(start, end, (_said(said),))


def _said(text: str) -> str:
    return " ".join(fold_text(text, lower=True).split())


def _address(url: str) -> str:
    """Without the scheme and a last slash: `http` and `https` are the same source."""
    return _said(url.partition("://")[2] or url).rstrip("/")


class Sources:
    """The texts that an answer may rest on."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [_said(text) for text in texts]
        self._numbered = {int(number) for text in texts for match in _NUMBER.finditer(text)
                          for number in re.findall(r"\d+", match[1])}  # fmt: skip
        self._windows: dict[str, list[int]] = {}
        count = 0
        for text in texts:
            spans = sentences(text)
            for at in range(max(len(spans) - _SPAN + 1, min(len(spans), 1))):
                self._add(count, text[spans[at][0] : spans[min(at + _SPAN, len(spans)) - 1][1]])
                count += 1

    def _add(self, number: int, text: str) -> None:
        for name in features(text):
            self._windows.setdefault(name, []).append(number)

    def has(self, citation: Citation) -> bool:
        """Whether what is cited is there."""
        if citation.number is not None:
            return citation.number in self._numbered
        return any(all(part in text for part in citation.parts) for text in self._texts)

    def groundedness(self, texts: Iterable[str]) -> float:
        """Share of what the texts say that stands in the sources, 0-1; 1 when they say nothing."""
        total = grounded = 0.0
        for text in texts:
            for start, end in sentences(text):
                length = end - start
                total += length
                grounded += length * self._share(text[start:end])
        return grounded / total if total else 1.0

    def _share(self, sentence: str) -> float:
        sums: dict[int, float] = {}
        for name, weight in features(sentence).items():
            for number in self._windows.get(name, ()):
                sums[number] = sums.get(number, 0.0) + weight * weight
        return min(max(sums.values(), default=0.0), 1.0)
