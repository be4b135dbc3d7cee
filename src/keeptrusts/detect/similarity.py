"""
Texts that are nearly the same share a signature (MinHash with bands; Broder, 1997).

Compared are the words as detectors read them, numbers alike, three at a time. Two texts share one of the signatures
with a probability that rises steeply where their likeness (Jaccard) passes the threshold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import Final

from keeptrusts.detect.fold import fold_text

_BANDS: Final = 4
_WORDS: Final = 3
_MOST_WORDS: Final = 120
"""Words that count: the first ones."""
_MOST_CHARACTERS: Final = 2000
_MOST_ROWS: Final = 40
_PRIME: Final = 2**61 - 1
_NUMBERS: Final = re.compile("[0-9]+")


def signatures(text: str, threshold: float) -> tuple[str, ...]:
    """
    Signatures of a text.

    Args:
        threshold: Likeness from which texts are to share one: 0-1. At 1 there is one signature, of the whole text.
    """
    words = _NUMBERS.sub("0", fold_text(text[:_MOST_CHARACTERS], lower=True)).split()[:_MOST_WORDS]
    if threshold >= 1:
        return (_digest(" ".join(words)),)
    # For likeness t, b bands of r rows share one with a probability of a half or so where t**r = 1/b.
    rows = min(_MOST_ROWS, max(1, round(math.log(1 / _BANDS) / math.log(max(threshold, 0.01)))))
    numbers = _numbers(words)
    return tuple(_digest(repr((band, _row_minima(numbers, band * rows, rows)))) for band in range(_BANDS))


def _numbers(words: Sequence[str]) -> list[int]:
    """The shingles of a text, as numbers."""
    count = max(1, len(words) - _WORDS + 1)
    shingles = {" ".join(words[at : at + _WORDS]) for at in range(count)}
    return [int.from_bytes(blake2b(one.encode("utf-8", "replace"), digest_size=7).digest()) for one in shingles]


def _row_minima(numbers: Sequence[int], first: int, rows: int) -> tuple[int, ...]:
    """The least of the numbers under each of these permutations."""
    return tuple(
        min((factor * number + shift) % _PRIME for number in numbers)
        for factor, shift in _permutations()[first : first + rows]
    )


@cache
def _permutations() -> tuple[tuple[int, int], ...]:
    """Fixed ones: two gateways say the same of a text."""
    digests = [blake2b(index.to_bytes(4), digest_size=14).digest() for index in range(_BANDS * _MOST_ROWS)]
    return tuple((int.from_bytes(one[:7]) | 1, int.from_bytes(one[7:])) for one in digests)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
