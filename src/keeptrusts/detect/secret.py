"""
Credentials: the formats that their issuers document, and tokens that are too random for prose.

Widths are kept small because a stream is held back by the widest of them. What is longer (a JWT, the body of a PEM
block) is covered by its head and by windows of random characters that lie over each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Final

from keeptrusts.detect.announced import ANNOUNCED, real
from keeptrusts.detect.digests import published
from keeptrusts.detect.emulators import no_emulator_key, no_part
from keeptrusts.detect.fold import View, view
from keeptrusts.detect.issuers import FORMS
from keeptrusts.detect.memory import remembered
from keeptrusts.detect.randomness import INSIDE, OUTSIDE, WINDOW, random_windows
from keeptrusts.detect.scan import ALNUM, Hit, Rule, RuleSet

_RANDOM: Final = "high_entropy"
_CHANCE: Final = frozenset({_RANDOM, "yandex_cloud_secret"})
"""What random characters alone can be taken for: of the forms, the one whose prefix is two letters."""
_IN_TOKEN: Final = ALNUM | {"_", "-"}


def _rule(category: str, pattern: str) -> Rule:
    # A key in an issuer's own format is taken for one even when it says EXAMPLE: nobody loses by hiding it.
    return Rule(category, pattern, before=_IN_TOKEN, after=frozenset(), check=no_emulator_key, confidence=0.97)


def _labelled(category: str, label: str, pattern: str) -> Rule:
    """A form that says nothing without the name before it."""
    gap = r"[\"']?[ \t]{0,2}(?:=|:|=>|:=)[ \t]{0,2}[\"'`]?"
    return Rule(category, pattern, label=f"(?:{label}){gap}", before=ALNUM, after=ALNUM, check=real, caseless=True)


_FORMATS: Final = (
    *(_rule(category, pattern) for category, pattern in FORMS),
    _labelled("aws_secret_key", r"aws_?secret_?(?:access_?)?key", r"[A-Za-z0-9/+]{40}"),
    _labelled(
        "azure_search_key", r"(?:ocp-apim-subscription-|azure_?(?:openai_|search_)?(?:api_)?)key", r"[A-Za-z0-9]{32,84}"
    ),
    *ANNOUNCED,
)

_ENTROPY: Final = (
    Rule(
        _RANDOM,
        rf"{INSIDE}{{{WINDOW}}}",
        before=frozenset(),
        after=frozenset(),
        sieve=rf"(?:^|{OUTSIDE}){INSIDE}{{{WINDOW}}}",
        check=no_part,
        confidence=0.6,
        finder=random_windows,
    ),
)


@cache
def secret_rules(*, entropy: bool) -> RuleSet:
    """The rules, with or without those that judge by randomness."""
    return RuleSet(_FORMATS + _ENTROPY if entropy else _FORMATS)


def find_secrets(text: str, *, entropy: bool = True, limited: bool = False) -> list[Hit]:
    """
    Credentials; see `RuleSet.find`.

    Randomness says nothing of what is published (`detect.digests`), where the whole text is there to tell: a piece of a
    text does not show that it is the inside of a digest.
    """
    if limited:
        return secret_rules(entropy=entropy).find(view(text), limited=True)
    return list(_found(text, entropy=entropy))


@remembered
def _found(text: str, *, entropy: bool) -> tuple[Hit, ...]:
    seen = view(text)
    return tuple(_unpublished(secret_rules(entropy=entropy).find(seen), seen))


def _unpublished(hits: list[Hit], text: View) -> Sequence[Hit]:
    """Without what chance alone puts into published values in which no other rule sees anything."""
    if not any(hit.category in _CHANCE for hit in hits):
        return hits
    known = _undoubted(list(published(text)), [hit for hit in hits if hit.category not in _CHANCE])
    starts = [start for start, _ in known]
    return [
        hit
        for hit in hits
        if hit.category not in _CHANCE
        or not (before := bisect_right(starts, hit.start))
        or hit.end > known[before - 1][1]
    ]


def _undoubted(stretches: list[tuple[int, int]], others: list[Hit]) -> list[tuple[int, int]]:
    """Those that no other hit touches."""
    starts = [start for start, _ in stretches]
    doubted: set[int] = set()
    for hit in others:
        at = bisect_right(starts, hit.end - 1) - 1
        while at >= 0 and stretches[at][1] > hit.start:
            doubted.add(at)
            at -= 1
    return [one for at, one in enumerate(stretches) if at not in doubted]
