"""
How much a text reads like an attempt to steer a model: logistic regression over hashed words, pairs and letters.

A text is cut into tokens and judged in windows of two blocks that overlap by one, so that padding does not dilute what
stands in one of them; the worst window and the worst block count alike. In a block each token and each pair of
neighbours counts once, so that repeating harmless words does not dilute it either. What a token adds, by itself, by its
runs of four letters and by what it means, is looked up once and kept.

The weights are bytes beside this module, made by `bench/detection/train.py`; its model card is `injection.md`.
"""

from __future__ import annotations

import math
import re
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice, pairwise
from operator import itemgetter, xor
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

BLOCK: Final = 64
"""Tokens; a window is two blocks."""
_AT_ONCE: Final = 64 * BLOCK
BUCKETS: Final = 1 << 16
LETTERS: Final = 4
"""Length of the runs of letters within a token."""
_MASK: Final = BUCKETS - 1
_WORD: Final = crc32(b"w")
_RUN: Final = crc32(b"c")
_FIRST: Final = crc32(b"f")
_SECOND: Final = crc32(b"s")
"""Where the hashes of words, runs and the parts of pairs begin, so that none is taken for another."""
_RECORD: Final = Struct("=HHi")
_ABOVE: Final = 1 << 19
"""Above the sum of the weights of a block's words."""
_NEXT: Final = 48
"""Bits from the first part of a token's pair to the second part of the next token's."""
_ZERO: Final = 128
"""The byte of a weight of nothing."""
CERTAIN: Final = 0.9999
"""The highest score."""
LEAST: Final = 65
"""Features that a window is taken to have at least: one telling word alone says little."""
_KEPT: Final = 1 << 13
"""With more tokens remembered, at 200 bytes each, those are forgotten that are not met until as many more are."""
HEADER: Final = 40
_HASH_SIZE: Final = 4
_WORD_SIZE: Final = _HASH_SIZE + 1
_NO_HASH: Final = 0xFFFFFFFF
"""Stands behind all hashes, so that each has a place among them."""
STEP: Final = 4
"""What words mean is counted in steps of so many weights."""

_UNSPACED: Final = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Scripts without blanks between words: each of their characters is a token."""
_LONGEST: Final = 24
_UNSEEN: Final = r"\u00ad\u200b-\u200f\u2060\ufeff"
"""What is in a word without being seen, in text that is read as it stands."""
_TOKENS: Final = re.compile(rf"[{_UNSPACED}]|(?:[^\W_{_UNSPACED}]|[{_UNSEEN}]){{1,{_LONGEST}}}")
_BLANKED: Final = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)) + b" " * 128
"""ASCII with a blank for each sign."""
_IN_WORDS: Final = bytes(letter != ord(" ") for letter in _BLANKED)
_TOO_LONG: Final = bytes((1,)) * (_LONGEST + 1)
"""A word that is cut, each of its letters a one. Looking for it takes less than asking each word for its length."""


def tokens_of(text: str) -> list[str]:
    """The tokens of folded text in lower case: words and numbers. Long ones are cut."""
    return tokens_in(text.encode("utf-8", "replace"))


def tokens_in(data: bytes, *, cut: bool = True) -> list[str]:
    """
    Those of a text in UTF-8.

    Args:
        cut: False where no word is too long.
    """
    if not data.isascii():
        return _TOKENS.findall(data.decode("utf-8", "replace"))
    words = data.translate(_BLANKED).decode("ascii").split()
    if cut and _TOO_LONG in data.translate(_IN_WORDS):
        return [word[at : at + _LONGEST] for word in words for at in range(0, len(word), _LONGEST)]
    return words


def span_of(text: str, first: int, last: int) -> tuple[int, int]:
    """Where the tokens from the first to the last one of these stand: its begin, and its end."""
    if text.isascii():
        data = text.encode("ascii")
        if _TOO_LONG not in data.translate(_IN_WORDS):
            words = data.translate(_BLANKED)
            begin, end = (len(words) - len(words.split(None, index)[index]) for index in (first, last))
            return begin, end + len(words[end:].split(None, 1)[0])
    places = list(islice(_TOKENS.finditer(text), last + 1))
    return places[first].start(), places[last].end()


def features_of(token: str) -> tuple[int, ...]:
    """The buckets of a token: itself and its runs of letters, the ends included."""
    data = token.encode("utf-8", "replace")
    return (crc32(data, _WORD) & _MASK, *_runs_of(token, data))


def _runs_of(token: str, data: bytes) -> list[int]:
    """The buckets of its runs of letters; `data` is the token in UTF-8."""
    if len(token) < LETTERS - 1 or not token.isalnum():
        return []
    places = range(len(token) + 2 - LETTERS + 1)
    if len(data) == len(token):
        letters = b"<%b>" % data
        return [crc32(letters[at : at + LETTERS], _RUN) & _MASK for at in places]
    framed = f"<{token}>"
    return [crc32(framed[at : at + LETTERS].encode("utf-8", "replace"), _RUN) & _MASK for at in places]


def hash_of(token: str) -> int:
    """By which what it means is found."""
    return crc32(token.encode("utf-8", "replace"), _WORD)


def first_of(token: str) -> int:
    """Its part in the bucket of the pair that it begins."""
    return crc32(token.encode("utf-8", "replace"), _FIRST) & _MASK


def second_of(token: str) -> int:
    """Its part in the bucket of the pair that it ends. The two parts together, by exclusive or, are the bucket."""
    return crc32(token.encode("utf-8", "replace"), _SECOND) & _MASK


def pairs_of(tokens: Sequence[str]) -> set[int]:
    """The buckets of neighbours."""
    return set(map(xor, map(first_of, tokens), map(second_of, tokens[1:])))


class Window(NamedTuple):
    """The tokens `[start, stop)` of a text, and the logit of the text."""

    start: int
    stop: int
    logit: float


class Model:
    """
    Weights, and what is known of the tokens met so far.

    Args:
        data: Five numbers in millionths, eight bytes each (the unit of the weights, the bias, and how the logit, the
            rules and a constant add up); a signed byte for each bucket; and what words mean: the hashes of words in
            order, four bytes each with the lowest first, and a signed byte for each of them.
    """

    def __init__(self, data: bytes) -> None:
        numbers = (int.from_bytes(data[at : at + 8], "big", signed=True) / 1e6 for at in range(0, HEADER, 8))
        self.unit, self.bias, self._steep, self._ruled, self._rest = numbers
        count, beyond = divmod(len(data) - HEADER - BUCKETS, _WORD_SIZE)
        if count < 0 or beyond:
            raise ValueError("the weights of the classifier are not whole")
        words = HEADER + BUCKETS
        self._weights = bytes(weight + _ZERO for weight in memoryview(data)[HEADER:words].cast("b"))
        self._words = array("I", data[words : words + _HASH_SIZE * count])
        self._meanings = array("b", data[words + _HASH_SIZE * count :])
        if sys.byteorder == "big":
            self._words.byteswap()
        self._words.append(_NO_HASH)
        self._meanings.append(0)
        self._known = _Known(self._record)

    def _record(self, token: str) -> bytes:
        """Its parts of pairs; and the sum of its weights, with their number above it: both are added up as one."""
        data = token.encode("utf-8", "replace")
        weights, runs, word = self._weights, _runs_of(token, data), crc32(data, _WORD)
        total = weights[word & _MASK] + sum([weights[run] for run in runs])
        at = bisect_left(self._words, word)
        if self._words[at] == word:
            total += STEP * self._meanings[at]
        second, first = crc32(data, _SECOND) & _MASK, crc32(data, _FIRST) & _MASK
        return _RECORD.pack(second, first, total + (1 + len(runs)) * (_ABOVE - _ZERO))

    def worst(self, tokens: Sequence[str]) -> Window:
        """The window with the highest logit, which is the mean of its own and of that of the worst block."""
        blocks = self._blocks(tokens)
        if len(blocks) < 2:
            (logit,) = self._logits(blocks or [(0, 0)])
            return Window(0, len(tokens), logit)
        windows = [
            (first + second, of_first + of_second) for (first, of_first), (second, of_second) in pairwise(blocks)
        ]
        logits = self._logits(windows)
        logit = max(logits)
        start = logits.index(logit) * BLOCK
        return Window(start, min(start + 2 * BLOCK, len(tokens)), (logit + max(self._logits(blocks))) / 2)

    def _blocks(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for start in range(0, len(tokens), _AT_ONCE):
            if len(self._known) > _KEPT:
                self._known = self._known.renewed()
            records = list(map(self._known.__getitem__, tokens[start : start + _AT_ONCE + 1]))
            pairs = _pairs(b"".join(records))
            found += [
                self._block(records[at : at + BLOCK], pairs[at : at + BLOCK])
                for at in range(0, min(len(records), _AT_ONCE), BLOCK)
            ]
        return found

    def _block(self, records: Sequence[bytes], pairs: Sequence[int]) -> tuple[int, int]:
        """The sum of the weights of these tokens and of the pairs that they begin, and how many they are."""
        both = sum(array("i", b"".join(set(records)))[1::2])
        count, distinct = (both + _ABOVE // 2) // _ABOVE, set(pairs)
        total = both - count * _ABOVE - len(distinct) * _ZERO
        if distinct:
            total += sum(itemgetter(*distinct, 0)(self._weights)) - self._weights[0]
        return total, count + len(distinct)

    def _logits(self, sums: Sequence[tuple[int, int]]) -> list[float]:
        bias, unit, root = self.bias, self.unit, math.sqrt
        return [bias + unit * total / root(max(count, LEAST)) for total, count in sums]

    def score(self, logit: float, ruled: float) -> float:
        """
        From 0 to less than 1, so that the default threshold has the rate of false alarms that the model card names.

        Args:
            ruled: The score by the rules.
        """
        doubt = -math.log(max(1 - ruled, 1e-4))
        odds = self._steep * logit + self._ruled * doubt + self._rest
        return min(1 / (1 + math.exp(-odds)), CERTAIN)


def _pairs(records: bytes) -> Sequence[int]:
    """The bucket of each token and the next. All parts are combined at once, as digits of two long numbers."""
    parts = array("H", records)
    firsts, seconds = parts[1:-4:4], parts[4::4]
    mixed = int.from_bytes(firsts, sys.byteorder) ^ int.from_bytes(seconds, sys.byteorder)
    return array("H", mixed.to_bytes(2 * len(firsts), sys.byteorder))


class _Known(dict[str, bytes]):
    """
    Token to what is asked of it, remembered.

    Args:
        older: What was known before: what is asked for again is taken from there.
    """

    def __init__(self, ask: Callable[[str], bytes], older: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self._ask, self._older = ask, older or {}

    def __missing__(self, token: str) -> bytes:
        known = self[token] = self._older.pop(token, b"") or self._ask(token)
        return known

    def renewed(self) -> _Known:
        """A new one: what is not asked for again while it fills is forgotten."""
        return _Known(self._ask, dict(self))


@cache
def shipped_model() -> Model:
    """The model of this version, read when it is first needed."""
    from importlib.resources import files

    return Model(files("keeptrusts.detect").joinpath("injection.weights").read_bytes())
