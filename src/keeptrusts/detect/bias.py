"""
Unfair statements about groups of people, in English: the group, what is said of it, and how sure that is unfair.

Rules, not a model: they find what is said outright. A sentence that calls it a stereotype, or wrong, is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.pattern import read_pattern
from keeptrusts.detect.scan import Hit, Rule, RuleSet
from keeptrusts.detect.wordlists.groups import DOUBTS, GROUPS, REFUSALS, REFUSED, SLURS, STATES

CHARACTERISTICS: Final = tuple(GROUPS)
OTHER_NAMES: Final = {
    "gender": ("sex", "gender_identity"),
    "color": ("race",),
    "nationality": ("national_origin",),
    "veteran": ("veteran_status",),
}
DOUBT: Final = 0.4
"""Taken from the confidence where the sentence doubts itself."""
_SOME: Final = r"(?:[a-z'-]{1,16} ){0,3}"
_ARE: Final = r"(?:are|were|will (?:always )?be|tend to be|can be)"
_HOW: Final = (
    r"(?:(?:all|always|naturally|inherently|genetically|biologically|usually|typically|generally|often|just|simply|mostly"
    r"|more|so|very|nothing but) ){0,2}"
)
_NOT: Final = (
    r"(?:do not|don't|never|should not|shouldn't|must not|avoid|refuse to|stop|would not|wouldn't|not|please don't)"
)
_MAY_NOT: Final = r"(?:should not|shouldn't|must not|mustn't|should never|cannot|can't|must never)"
_ABLE: Final = r"(?:capable|intelligent|qualified|productive|competent|suited|rational)"
_SOMEBODY: Final = r"(?:he|she|they|you|the (?:candidate|applicant|tenant|employee))"
_SENTENCE: Final = 200
"""Most characters on either side of a statement that are looked at for doubt."""
_ENDS: Final = frozenset(".!?\n")


def _rules(characteristic: str) -> Iterator[Rule]:
    group, state = f"(?:{GROUPS[characteristic]})", f"(?:{STATES[characteristic]})"
    for pattern, confidence in (
        (rf"{_NOT} (?:{REFUSALS}) {_SOME}{group}", 0.95),
        (rf"{group} {_MAY_NOT} be (?:{REFUSED})", 0.95),
        (rf"{group} (?:need not apply|do not belong|don't belong|belong in (?:the kitchen|prison|jail))", 0.95),
        (rf"{group} {_ARE} {_HOW}(?:{SLURS})", 0.9),
        (rf"{group} {_ARE} {_HOW}(?:worse|less {_ABLE})", 0.9),
        (rf"{group} (?:can't|cannot) (?:do|handle|lead|drive|be trusted|understand|learn|think|code)", 0.88),
        (rf"{group} {_ARE} {_HOW}(?:better|good|great|gifted|talented) (?:at|with|in)", 0.6),
    ):
        yield _rule(characteristic, pattern, group, confidence)
    refusal = rf"(?:reject|deny|decline|fire|dismiss|refuse) {_SOME}because (?:he|she|they|of being) {_SOME}{state}"
    yield _rule(characteristic, refusal, state, 0.9)
    yield _rule(characteristic, rf"(?:because|since|as) {_SOMEBODY} (?:is|are|was|were) {state}", state, 0.6)


def _rule(characteristic: str, pattern: str, sieve: str, confidence: float) -> Rule:
    # Only where somebody is spoken of it is looked for what is said of them.
    return Rule(
        characteristic, pattern, sieve=sieve, back=read_pattern(pattern).most or 0, confidence=confidence, whole=True
    )


@cache
def _set_of(characteristics: frozenset[str]) -> RuleSet:
    chosen = [name for name in CHARACTERISTICS if name in characteristics]
    return RuleSet([rule for name in chosen for rule in _rules(name)])


def find_bias(text: str, characteristics: Collection[str] = CHARACTERISTICS) -> list[Hit]:
    """Statements by start, their category the characteristic, each with the confidence that it is unfair: 0-1."""
    hits = _set_of(frozenset(characteristics)).find(view(text, lower=True))
    return [
        Hit(hit.start, hit.end, hit.category, hit.value, round(hit.confidence - DOUBT * _doubts(text, hit), 2))
        for hit in hits
    ]


def _doubts(text: str, hit: Hit) -> bool:
    """Whether the sentence around a hit says that it is not so."""
    from keeptrusts.detect.engine import compile_regex

    start, end = hit.start, hit.end
    first, last = max(0, start - _SENTENCE), min(len(text), end + _SENTENCE)
    while start > first and text[start - 1] not in _ENDS:
        start -= 1
    while end < last and text[end] not in _ENDS:
        end += 1
    data = view(text[start:end], lower=True).data
    return compile_regex(DOUBTS).search(data, 0, len(data)) is not None
