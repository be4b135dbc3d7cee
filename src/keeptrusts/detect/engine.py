"""The seam to RE2: a pattern compiled once per process, searched in UTF-8 bytes without copying them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import re2

from keeptrusts.detect.pattern import PatternError

MAX_MEMORY: Final = 32 * 1024 * 1024

Spans: TypeAlias = Sequence[tuple[int, int]]
"""Where a regex matched and then its groups, each from a byte to a byte."""


class Regex:
    """
    What we use of RE2. A match lies between `start` and `stop`; a word edge looks beyond them.

    RE2's own objects are asked, not those that play `re`'s around them: these cost more than the match.
    """

    __slots__ = ("_match",)

    def __init__(self, compiled: Any) -> None:
        self._match: Callable[[Any, bytes, int, int], Spans] = compiled._regexp.Match  # noqa: SLF001

    def search(self, text: bytes, start: int, stop: int) -> Spans | None:
        """The leftmost match."""
        spans = self._match(_ANYWHERE, text, start, stop)
        return None if spans[0][0] < 0 else spans

    def match(self, text: bytes, start: int, stop: int) -> Spans | None:
        """The match that begins at `start`."""
        spans = self._match(_HERE, text, start, stop)
        return None if spans[0][0] < 0 else spans


_ANYWHERE: Final = re2._Anchor.UNANCHORED  # noqa: SLF001
_HERE: Final = re2._Anchor.ANCHOR_START  # noqa: SLF001


@lru_cache(maxsize=4096)
def compile_regex(pattern: str, *, caseless: bool = False, captures: bool = False) -> Regex:
    """
    A pattern over UTF-8 bytes.

    Raises:
        PatternError: The engine refuses it.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    options.never_capture = not captures
    options.case_sensitive = not caseless
    try:
        return Regex(re2.compile(pattern, options))
    except re2.error as why:
        reason = why.args[0] if why.args else "it does not compile"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(text.lower()) from None
