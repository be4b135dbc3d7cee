"""The seam to RE2: a pattern compiled once per process, searched in UTF-8 bytes without copying them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol, cast

import re2

from keeptrusts.detect.pattern import PatternError

MAX_MEMORY: Final = 32 * 1024 * 1024


class Found(Protocol):
    """Where a regex, or one of its groups, matched, in bytes."""

    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class Regex(Protocol):
    """What we use of RE2. `pos` and `endpos` bound the match; a word edge looks beyond them."""

    def search(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Found | None: ...
    def match(self, text: bytes, pos: int = 0, endpos: int | None = None) -> Found | None: ...


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
        return cast("Regex", re2.compile(pattern, options))
    except re2.error as why:
        reason = why.args[0] if why.args else "it does not compile"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(text.lower()) from None
