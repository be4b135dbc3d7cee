"""
Reads of single objects, made fewer: from the third of a kind on, one list answers them all.

A plan of five hundred resources would otherwise be five hundred calls, and most of its time. A write makes the list
useless, and so does time. The list ends after a thousand objects: an organisation may have many more than are ours.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from keeptrusts.core.errors import ApiError

SINGLE_READS: Final = 2
FRESH_S: Final = 10.0
MOST_LISTED: Final = 1000


class Reads:
    """
    Args:
        collection: Gives the client's collection of a noun.
    """

    def __init__(self, collection: Callable[[str], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._collection = collection
        self._clock = clock
        self._lock = threading.Lock()
        self._nouns: dict[str, _Noun] = {}

    def get(self, noun: str, identifier: str) -> Any:
        """
        The object; None when there is none.

        Raises:
            ApiError: Any refusal but a 404.
        """
        with self._lock:
            kept = self._nouns.setdefault(noun, _Noun())
            kept.asked += 1
            several = kept.asked > SINGLE_READS
        if several and (found := self._listed(noun, kept).get(identifier)):
            return found
        try:
            return self._collection(noun).get(identifier)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def has(self, noun: str, identifier: str) -> bool:
        """Whether `get` has it at hand, and will for a while."""
        kept = self._nouns.get(noun)
        if kept is None or kept.asked < SINGLE_READS or kept.listed_at is None:
            return False
        return self._clock() - kept.listed_at < FRESH_S / 2 and identifier in kept.objects

    def forget(self, noun: str) -> None:
        """Something of this kind was written."""
        with self._lock:
            kept = self._nouns.setdefault(noun, _Noun())
            kept.listed_at = None

    def _listed(self, noun: str, kept: _Noun) -> dict[str, Any]:
        with kept.lock:
            if kept.listed_at is None or self._clock() - kept.listed_at > FRESH_S:
                kept.objects = {one["id"]: one for one in islice(self._collection(noun).each(), MOST_LISTED)}
                kept.listed_at = self._clock()
            return kept.objects


class _Noun:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = 0
        self.listed_at: float | None = None
        self.objects: dict[str, Any] = {}
