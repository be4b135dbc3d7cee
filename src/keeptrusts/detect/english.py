"""
Whether a text is English beyond doubt, by its commonest words alone, or by these and the lack of those of others.

Most of what gateways see is English, and a model that tells 176 languages reads every letter to say so. Counting words
costs a tenth of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LITTLE = (
    "a able about above across actually after again against all allow allowed allows almost along already always "
    "among an and another answer answers any anyone anything are around ask asked available away back based be "
    "because become been before begins behind being below beside best better between beyond both business but by "
    "called came can can't cannot children comes company could country create describe did different does doesn't "
    "doing done during each early either enough especially even every everyone everything example explain family "
    "few find first following for found from further get gets give given gives go goes going gone good great had "
    "have having held help here high himself his house how however i i'm i've if in include includes including "
    "instead into is isn't it it's its itself just keep kept kind kinds knew know known knows last later least "
    "less let let's life like likely line list little look looks made make makes many may maybe me means meant "
    "might money more most much must my myself names need needs neither never new next nothing now number of "
    "often old on one only or other others our ourselves out own particularly people perhaps please probably "
    "provide provided provides put puts questions quickly rather read reads really right said same says school "
    "second see seems several she should show shown simply since small some someone something sometimes sorry "
    "still such sure take taken takes tell than thank thanks that that's the their them themselves then there "
    "therefore these they they're thing things think this those though thought three through time to today told "
    "tomorrow too took toward twice two under until up upon us use used user using usually very want wants water "
    "way we well went were what what's whatever when whenever where whether which while who whole whom whose why "
    "will with within without word words work works would write writes written yes yesterday yet you you're "
    "you've your yourself"
)
COMMON: Final = frozenset(_LITTLE.split())
"""Common in English, and no common words of another language: `in` and `a` are, and are too few to matter."""

_OF_OTHERS = (
    "aber adalah ak akan al alla alle als amb anche ang ao ar asi auch auf aus av avec az bei bilan bir biz bu bukan "
    "che cu czy da dal dan das dass de degli dei del dem den der des det dhe di dia din dla du ei ein eine einen el "
    "ele ella els em en entre er es esta este et eta ett ez foi fra gi haben hai hay het hogy hun icin ikke il ile "
    "ima ini ir ist itu ja jag je jeg jest jsou kaj kan katika kein ko kom ku kwa la le les lo los mais maka mas med "
    "meg mi mga mit mwen na nach nao ne nei nel ni nicht nie niet nije noch non nos nou nous och oder og os ou para "
    "pas pe pentru pero pode por pri qe que qui sa sam sau se sem si sich sie sind som sono su sua sul sy ta te ti "
    "til tot tu um uma un und une untuk upang uz va van ve vi voor vous wa wenn wie wir wird ya yang yo za zu zum zur"
)
COMMON_ELSEWHERE: Final = frozenset(_OF_OTHERS.split())
"""Common in some forty languages that are written in Latin letters, and hardly words of English."""

_FEWEST: Final = 5
_PART: Final = 3
"""A third of the words, or more: prose has about half."""
_STRETCH: Final = bytes(7)
"""Words without a common one among them, in which another language could stand."""
_FEW: Final = 3
_SMALL_PART: Final = 6
_LONG_STRETCH: Final = bytes(12)
"""The same where no word is common in another language: then half as many will do, as notes and lists have."""


def is_plainly_english(words: Sequence[str]) -> bool:
    """Whether common words are many, and everywhere in it; or fewer, and none is common elsewhere."""
    common = bytes(map(COMMON.__contains__, words))
    found = common.count(1)
    if found >= _FEWEST and found * _PART >= len(common) and _STRETCH not in common:
        return True
    if found < _FEW or found * _SMALL_PART < len(common) or _LONG_STRETCH in common:
        return False
    return COMMON_ELSEWHERE.isdisjoint(words) and all(map(str.isascii, words))
