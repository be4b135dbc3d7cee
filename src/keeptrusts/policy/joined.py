"""All texts of an exchange as one, for services that take one, and the way back from a place in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from keeptrusts.core.exchange import Text
from keeptrusts.core.verdict import Match


class Joined:
    """All texts as one, and the way back from a place in it."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self.value = "\n".join(text.value for text in texts)
        self._starts = list(accumulate((len(text.value) + 1 for text in texts), initial=0))

    def match(self, start: int, end: int) -> Match:
        """The part of the text that `start` lies in. Raises `ValueError` when it lies in none."""
        if not 0 <= start < end <= len(self.value):
            raise ValueError
        index = bisect_right(self._starts, start) - 1
        text, begin = self._texts[index], self._starts[index]
        return Match(text.place, start - begin, min(end - begin, len(text.value)), "")
