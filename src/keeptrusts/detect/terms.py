"""Words and phrases: exactly, however they are cased, spaced or disguised, and on request with typing errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from keeptrusts.detect.fold import fold_text, is_word, view, words_of
from keeptrusts.detect.scan import Hit, Rule, RuleSet

GAP: Final = 3
"""Most characters between the words of a phrase."""
_GAP_PATTERN: Final = rf"[ \t\r\n_.-]{{1,{GAP}}}"
_ANY_GAP_PATTERN: Final = rf"[ \t\r\n_.,;:/()'\"&-]{{1,{GAP}}}"
_ENDINGS: Final = r"(?:'?s|es)?"
_ASCII_WORD: Final = re.compile("[A-Za-z0-9_]+")
_META: Final = frozenset(r"\.+*?()|[]{}^$")


def _escape(word: str) -> str:
    return "".join("\\" + letter if letter in _META else letter for letter in word)


class Terms:
    """
    Phrases by category.

    Args:
        inflected: The last word may carry a plural or possessive ending.
        punctuated: Any punctuation may stand between the words, not only blanks, dots, dashes and underscores.
        max_distance: Letters that may be wrong in a phrase. 0: none.
        letters_per_error: So many more letters must a phrase have for each of them.
    """

    def __init__(
        self,
        phrases: Mapping[str, Sequence[str]],
        *,
        inflected: bool = False,
        punctuated: bool = False,
        max_distance: int = 0,
        letters_per_error: int = 3,
    ) -> None:
        self.phrases = {label: [words for one in said if (words := words_of(one))] for label, said in phrases.items()}
        self.inflected = inflected
        self.max_distance = max_distance
        self.letters_per_error = letters_per_error
        self._gap = _ANY_GAP_PATTERN if punctuated else _GAP_PATTERN

    @cached_property
    def _rules(self) -> RuleSet:
        return RuleSet([self._rule(label, words) for label, said in self.phrases.items() for words in said])

    def _rule(self, label: str, words: Sequence[str]) -> Rule:
        pattern = self._gap.join(_escape(word) for word in words) + (_ENDINGS if self.inflected else "")
        return Rule(label, pattern, whole=True)

    @cached_property
    def _fuzzy(self) -> _Misspellings:
        pairs = [(label, words) for label, said in self.phrases.items() for words in said]
        most, each = self.max_distance, self.letters_per_error
        allowed = [(label, words, allowed_errors(words, most, each)) for label, words in pairs]
        return _Misspellings(
            [_Fuzzy(label, " ".join(words), len(words), errors) for label, words, errors in allowed if errors]
        )

    @cached_property
    def width(self) -> int:
        """Characters from the start of a match that decide it."""
        return max(self._rules.width, self._fuzzy.width)

    def is_silent(self, text: str) -> bool:
        """Whether there surely is no phrase in it; no says nothing."""
        return not self._fuzzy.width and self._rules.is_silent(text, lower=True)

    def find(self, text: str, *, limited: bool = False) -> list[Hit]:
        """Every phrase, by start; `limited` as in `RuleSet.find`."""
        found = self._rules.find(view(text, lower=True), limited=limited)
        if self._fuzzy.width:
            exact = {(hit.start, hit.category) for hit in found}
            found += [hit for hit in self._fuzzy.find(text) if (hit.start, hit.category) not in exact]
        return sorted(found, key=lambda hit: (hit.start, -hit.end))


def allowed_errors(words: Sequence[str], max_distance: int, letters_per_error: int) -> int:
    """Errors that a phrase bears: short words would match half of the dictionary."""
    return min(max_distance, (len("".join(words)) - 1) // letters_per_error)


@dataclass(frozen=True)
class _Fuzzy:
    label: str
    phrase: str
    words: int
    errors: int

    @cached_property
    def width(self) -> int:
        return len(self.phrase) + self.errors + (self.words - 1) * (GAP - 1) + 1

    @cached_property
    def masks(self) -> Mapping[str, int]:
        """Letter to the places where the phrase has it, as bits."""
        masks: dict[str, int] = {}
        for place, letter in enumerate(self.phrase):
            masks[letter] = masks.get(letter, 0) | 1 << place
        return masks

    @cached_property
    def letters(self) -> int:
        """Which letters the phrase has, as bits."""
        return letters_of(self.phrase)

    def near(self, other: str, letters: int) -> bool:
        """Whether the edit distance to `other`, which has these letters, is within bounds."""
        # an error brings in one letter at most, and takes out one
        errors = self.errors
        if (letters & ~self.letters).bit_count() > errors or (self.letters & ~letters).bit_count() > errors:
            return False
        return abs(len(other) - len(self.phrase)) <= errors and self._distance(other) <= errors

    def _distance(self, other: str) -> int:
        """Myers' bit-parallel edit distance (Journal of the ACM 46, 1999)."""
        size, full = len(self.phrase), (1 << len(self.phrase)) - 1
        plus, minus, distance, last = full, 0, size, 1 << (size - 1)
        for letter in other:
            equal = self.masks.get(letter, 0)
            across = (((equal & plus) + plus) ^ plus) | equal | minus
            up, down = minus | (full & ~(across | plus)), plus & across
            distance += bool(up & last) - bool(down & last)
            up, down = (up << 1 | 1) & full, (down << 1) & full
            plus, minus = down | (full & ~(equal | minus | up)), up & (equal | minus)
        return distance


def letters_of(text: str) -> int:
    """Which of 64 classes of letters a text has, as bits."""
    bits = 0
    for letter in set(text):
        bits |= 1 << (ord(letter) & 63)
    return bits


class _Misspellings:
    """Phrases with errors. Each start of a word is judged by the characters that follow it and no others."""

    def __init__(self, phrases: Iterable[_Fuzzy]) -> None:
        # A start is compared only with phrases of so many words, and about so many letters, as stand there.
        self._by_size: dict[tuple[int, int], list[_Fuzzy]] = {}
        self._words = self.width = 0
        for phrase in phrases:
            for size in range(len(phrase.phrase) - phrase.errors, len(phrase.phrase) + phrase.errors + 1):
                self._by_size.setdefault((phrase.words, size), []).append(phrase)
            self._words = max(self._words, phrase.words)
            self.width = max(self.width, phrase.width)

    def find(self, text: str) -> Iterator[Hit]:
        read = _PlainReading(text) if text.isascii() else _Reading(text)
        for start, runs in read.openings(self._words, self.width):
            for count, (ahead, end) in enumerate(runs, 1):
                candidates = self._by_size.get((count, len(ahead)), ())
                letters = letters_of(ahead) if candidates else 0
                for phrase in candidates:
                    if end < start + phrase.width + (end == len(text)) and phrase.near(ahead, letters):
                        yield Hit(start, end, phrase.label, start, 0.7)


_Runs: TypeAlias = Iterator[tuple[str, int]]
"""One word from a place on, two words, and so on, and where they end, while they go on close together."""


class _PlainReading:
    """An ASCII text as words and what lies between them: what `_Reading` says of it, for less."""

    def __init__(self, text: str) -> None:
        self._text = text.lower()
        self._spans = [found.span() for found in _ASCII_WORD.finditer(text)]

    def openings(self, count: int, width: int) -> Iterator[tuple[int, _Runs]]:
        """Where words begin, with so many words from there at most."""
        for index, (start, _) in enumerate(self._spans):
            yield start, self._ahead(self._spans[index : index + count], start + width)

    def _ahead(self, spans: Sequence[tuple[int, int]], limit: int) -> _Runs:
        said, last = "", spans[0][0]
        for start, end in spans:
            if end > limit or start - last > GAP:
                return
            said += (" " if said else "") + self._text[start:end]
            last = end
            yield said, end


class _Reading:
    """A text as words and what lies between them. A character that folds to nothing belongs to the word before it."""

    def __init__(self, text: str) -> None:
        folds = {letter: fold_text(letter, lower=True) for letter in {*text}}
        self._pieces = [folds[letter] for letter in text]
        wordy = {piece: all(map(is_word, piece)) for piece in {*self._pieces}}
        self._wordy = [wordy[piece] for piece in self._pieces]

    def openings(self, count: int, width: int) -> Iterator[tuple[int, _Runs]]:
        """Where words begin, and where they go on behind something invisible."""
        return ((start, self._ahead(start, count, width)) for start in self._starts())

    def _starts(self) -> Iterator[int]:
        before = ""
        for index, piece in enumerate(self._pieces):
            if piece and is_word(piece[0]) and not (before and is_word(before[-1])):
                yield index
            before = piece

    def _ahead(self, start: int, count: int, width: int) -> _Runs:
        said, at, limit = "", start, start + width
        for _ in range(count):
            end = at
            while end < len(self._pieces) and end <= limit and self._wordy[end]:
                end += 1
            if end > limit:
                return
            said += (" " if said else "") + "".join(self._pieces[at:end])
            yield said, end
            at = self._next_word(end)
            if at == len(self._pieces):
                return

    def _next_word(self, at: int) -> int:
        """Where the next word begins; the end of the text when none is near."""
        gap = 0
        while at < len(self._pieces) and not (self._pieces[at] and self._wordy[at]):
            gap = 0 if self._wordy[at] else gap + 1
            at += 1
            if gap > GAP:
                return len(self._pieces)
        return at
