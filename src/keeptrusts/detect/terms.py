"""Words and phrases: exactly, however they are cased, spaced or disguised, and on request with typing errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from keeptrusts.detect.fold import fold_text, is_word, view
from keeptrusts.detect.scan import Hit, Rule, RuleSet

GAP: Final = 3
"""Most characters between the words of a phrase."""
_GAP_PATTERN: Final = r"[ \t\r\n_.-]{1,3}"
_ENDINGS: Final = r"(?:'?s|es)?"
_META: Final = frozenset(r"\.+*?()|[]{}^$")


def words_of(term: str) -> list[str]:
    """The words of a phrase as detectors compare them."""
    return fold_text(term, lower=True).split()


def _escape(word: str) -> str:
    return "".join("\\" + letter if letter in _META else letter for letter in word)


class Terms:
    """
    Phrases by category.

    Args:
        inflected: The last word may carry a plural or possessive ending.
        max_distance: Letters that may be wrong in a phrase; a third of its letters must be right for each. 0: none.
    """

    def __init__(self, phrases: Mapping[str, Sequence[str]], *, inflected: bool = False, max_distance: int = 0) -> None:
        self.phrases = {label: [words for one in said if (words := words_of(one))] for label, said in phrases.items()}
        self.inflected = inflected
        self.max_distance = max_distance

    @cached_property
    def _rules(self) -> RuleSet:
        return RuleSet([self._rule(label, words) for label, said in self.phrases.items() for words in said])

    def _rule(self, label: str, words: Sequence[str]) -> Rule:
        pattern = _GAP_PATTERN.join(_escape(word) for word in words) + (_ENDINGS if self.inflected else "")
        return Rule(label, pattern, whole=True)

    @cached_property
    def _fuzzy(self) -> tuple[_Fuzzy, ...]:
        pairs = [(label, words) for label, said in self.phrases.items() for words in said]
        allowed = [(label, words, allowed_errors(words, self.max_distance)) for label, words in pairs]
        return tuple(_Fuzzy(label, " ".join(words), len(words), errors) for label, words, errors in allowed if errors)

    @cached_property
    def width(self) -> int:
        """Characters from the start of a match that decide it."""
        return max(self._rules.width, max((one.width for one in self._fuzzy), default=0))

    def find(self, text: str, *, limited: bool = False) -> list[Hit]:
        """Every phrase, by start; `limited` as in `RuleSet.find`."""
        found = self._rules.find(view(text, lower=True), limited=limited)
        if self._fuzzy:
            exact = {(hit.start, hit.category) for hit in found}
            found += [hit for hit in _misspelt(self._fuzzy, text) if (hit.start, hit.category) not in exact]
        return sorted(found, key=lambda hit: (hit.start, -hit.end))


def allowed_errors(words: Sequence[str], max_distance: int) -> int:
    """Errors that a phrase bears: short words would match half of the dictionary."""
    return min(max_distance, (len("".join(words)) - 1) // 3)


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

    def near(self, other: str) -> bool:
        """Whether the edit distance to `other` is within bounds."""
        return abs(len(other) - len(self.phrase)) <= self.errors and self._distance(other) <= self.errors

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


def _misspelt(phrases: Iterable[_Fuzzy], text: str) -> Iterator[Hit]:
    """Phrases with errors. Each start of a word is judged by the characters that follow it and no others."""
    pieces = [fold_text(letter, lower=True) for letter in text]
    starts = [
        index
        for index, piece in enumerate(pieces)
        if piece and is_word(piece[0]) and not (index and pieces[index - 1] and is_word(pieces[index - 1][-1]))
    ]
    for start in starts:
        for phrase in phrases:
            ahead, end = _words_ahead(pieces, start, phrase)
            if ahead and phrase.near(ahead):
                yield Hit(start, end, phrase.label, start, 0.7)


def _words_ahead(pieces: Sequence[str], start: int, phrase: _Fuzzy) -> tuple[str, int]:
    """As many words as the phrase has from here, and where they end; empty when they go on too far."""
    words, word, gap = [], "", 0
    limit = min(len(pieces), start + phrase.width)
    for index in range(start, limit):
        piece = pieces[index]
        if all(map(is_word, piece)):
            word, gap = word + piece, 0
            continue
        if word:
            words.append(word)
            word = ""
            if len(words) == phrase.words:
                return " ".join(words), index
        gap += 1
        if gap > GAP:
            return "", 0
    whole = word and limit == len(pieces) and len(words) == phrase.words - 1
    return (" ".join([*words, word]), limit) if whole else ("", 0)
