"""
Tokens that are too random for prose, as windows of equal width that lie over each other.

A window is random when it has letters of both cases and digits, and about as many different characters as chance gives.
Hexadecimal digests and identifiers (UUID, git) are not secrets by their looks, nor are paths and camel case.

A long token has a window for each of its characters. How much a window lacks says how far away the next random one can
be, and of random ones only so many are named as cover what all of them cover (`scan.thinned`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from keeptrusts.detect.fold import View

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

WINDOW: Final = 32
INSIDE: Final = "[A-Za-z0-9+/_-]"
OUTSIDE: Final = "[^A-Za-z0-9+/_-]"
PLACEHOLDERS: Final = frozenset(
    {"example", "sample", "placeholder", "changeme", "change_me", "your", "dummy", "redacted", "fake", "insert"}
    | {"replace", "xxxx", "0000", "1234567", "abcdef0", "test_key", "****", "<", "${", "{{"}
    | {"secret_here", "token_here"}
)
"""What a manual prints instead of a secret."""

_DISTINCT: Final = 19
"""Different characters among 32: random base 62 has about 25, words joined together about 15."""
_SLASHES: Final = 2
_LEAST: Final = ((b"0123456789", 2), (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3), (b"abcdefghijklmnopqrstuvwxyz", 3))
"""Digits, capitals and small letters, and how many of each a window has."""
_FAKE: Final = tuple(word.encode() for word in sorted(PLACEHOLDERS))


def random_windows(text: View, ends: Sequence[int], *, bounded: bool) -> Iterator[tuple[int, int]]:
    """Random windows in the tokens whose first windows have these ends."""
    for end in ends:
        low = end - WINDOW
        token = _token().match(text.data, low, len(text.data))
        high = token[0][1] if token else end
        for piece in _pieces(text, low, high) if bounded else [(low, high)]:
            for start in _starts(text.data[slice(*piece)]):
                yield piece[0] + start, piece[0] + start + WINDOW


@cache
def _token() -> Regex:
    from keeptrusts.detect.engine import compile_regex

    return compile_regex(INSIDE + "+")


def _pieces(text: View, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The token cut where its characters are not neighbours in the original, or not one for one."""
    start = low
    for byte in range(low + 1, high):
        if text.origin(byte) != text.origin(byte - 1) + 1:
            yield start, byte
            start = byte
    yield start, high


def _starts(token: bytes) -> Iterator[int]:
    """The first two random windows of each stretch of them, and then each the last one that overlaps the one before."""
    start = 0
    while (first := _next(token, start, len(token) - WINDOW)) is not None:
        yield first
        start = first + WINDOW
        at = _next(token, first + 1, start - 1)
        known = first
        while at is not None:
            yield at
            start = at + WINDOW
            known, at = start - 1, _last(token, max(known, at) + 1, start - 1)


def _next(token: bytes, low: int, high: int) -> int | None:
    """The first random window that starts in `[low, high]`."""
    start = low
    while start <= min(high, len(token) - WINDOW):
        window = token[start : start + WINDOW]
        lack = _lack(window) or max((window.lower().rfind(word) + 1 for word in _FAKE), default=0)
        if not lack:
            return start
        start += lack
    return None


def _last(token: bytes, low: int, high: int) -> int | None:
    """The last one."""
    start = min(high, len(token) - WINDOW)
    while start >= low:
        window = token[start : start + WINDOW]
        lack = _lack(window) or int(any(word in window.lower() for word in _FAKE))
        if not lack:
            return start
        start -= lack
    return None


def _lack(window: bytes) -> int:
    """How many characters at least must be others; 0 when the window is random, but for placeholders."""
    lack = _DISTINCT - len(set(window))
    if lack <= 0:
        counts = [(least, WINDOW - len(window.translate(None, letters))) for letters, least in _LEAST]
        lack = max(window.count(b"/") - _SLASHES, *(least - count for least, count in counts))
    return max(lack, 0)
