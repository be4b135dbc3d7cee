"""E-mail addresses. They may begin anywhere in a run of letters, so what stands before the `@` is read from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from keeptrusts.detect.fold import View
from keeptrusts.detect.scan import ALNUM, Rule

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

_FORGES: Final = frozenset({"github.com", "gitlab.com", "bitbucket.org", "ssh.dev.azure.com"})
_LONGEST_LOCAL: Final = 64
_SIGNS: Final = b"._%+'-"
_LOCAL: Final = bytes(sorted(map(ord, ALNUM))) + _SIGNS
_NOT_LAST: Final = b".'"
_DOMAIN: Final = r"@[a-z0-9][a-z0-9.-]{0,47}\.[a-z]{2,14}"


def address(text: str) -> int:
    """No empty label in the domain, and not the address of a repository."""
    domain = text.rpartition("@")[2]
    return 0 if domain.lower() in _FORGES or ".." in text or ".-" in domain or "-." in domain else len(text)


def addresses(text: View, ends: Sequence[int], *, bounded: bool) -> Iterator[tuple[int, int]]:
    """Addresses around each `@`: those of the first two starts, or of all where each is to be looked at."""
    for end in ends:
        at = end - 2
        found = _domain().match(text.data, at, len(text.data))
        if found:
            starts = _starts(text.data, at, _LONGEST_LOCAL if bounded else 2)
            yield from ((start, found[0][1]) for start in starts)


def _starts(data: bytes, at: int, most: int) -> list[int]:
    """Where the local part of an address may begin: a letter or digit, and no two dots from there on."""
    before = data[max(at - _LONGEST_LOCAL, 0) : at]
    local = before[len(before.rstrip(_LOCAL)) :].rpartition(b"..")[2]
    if local[-1:] in {b".", b"'", b""}:
        return []
    starts: list[int] = []
    rest = local.lstrip(_SIGNS)
    while rest and len(starts) < most:
        starts.append(at - len(rest))
        rest = rest[1:].lstrip(_SIGNS)
    return starts


@cache
def _domain() -> Regex:
    from keeptrusts.detect.engine import compile_regex

    return compile_regex(_DOMAIN, caseless=True)


EMAIL: Final = Rule(
    "email",
    rf"[a-z0-9](?:[a-z0-9._%+'-]{{0,{_LONGEST_LOCAL - 2}}}[a-z0-9_%+-])?{_DOMAIN}",
    before=frozenset(),
    after=ALNUM,
    check=address,
    caseless=True,
    sieve="@[a-z0-9]",
    finder=addresses,
)
