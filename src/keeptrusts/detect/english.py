"""
Whether a text is English beyond doubt, by its commonest words alone.

Most of what gateways see is English, and a model that tells 176 languages reads every letter to say so. Counting words
costs a tenth of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LITTLE = (
    "a about above after again against all always an and any anyone anything are based be because become been before "
    "being below best better between both but by called can can't cannot could did different does doesn't doing during "
    "each either even every everyone everything few find first following from further get give given go going good "
    "great had have having help here high his how however i i'm i've if in include includes including instead into is "
    "isn't it it's its just keep know last let let's like line look made make many may me might more most much must my "
    "names need neither never new next nothing now number of often on one only or other our out own people please "
    "provide provided provides questions rather right same second see she should show since small some someone "
    "something still such take tell than that that's the their them then there these they they're things think this "
    "those though through time told too two under until up us used user using very want way we well were what what's "
    "when where whether which while who why will with within without word words work would write yet you you're your "
    "you've another answer answers ask asked create describe example explain list use to for"
)
COMMON: Final = frozenset(_LITTLE.split())
"""Common in English, and no common words of another language: `in` and `a` are, and are too few to matter."""

_FEWEST: Final = 5
_PART: Final = 3
"""A third of the words, or more: prose has about half."""
_STRETCH: Final = bytes(7)
"""Words without a common one among them, in which another language could stand."""


def is_plainly_english(words: Sequence[str]) -> bool:
    """Whether common words are many, and everywhere in it."""
    common = bytes(map(COMMON.__contains__, words))
    return (found := common.count(1)) >= _FEWEST and found * _PART >= len(common) and _STRETCH not in common
