"""Cases before courts of the United States: their numbers, their dockets and who they are about."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.fold import view
from keeptrusts.detect.labels import named
from keeptrusts.detect.scan import ALNUM, WORD, Hit, Rule, RuleSet

_NUMBER: Final = r"[a-z0-9][a-z0-9:/.-]{0,24}"
_NO: Final = r" ?(?:nos?\.?|numbers?|nums?\.?|#)[ \t:]{0,3}"
_WORD: Final = r"(?:(?:Inc|Corp|Co|Ltd|Bros|Jr|Sr|St|Mr|Mrs|Ms|Dr|[A-Z])\.|[A-Z][A-Za-z'&-]{0,18})"
_FORM: Final = r"(?:Inc|Corp|Co|Ltd|LLC|L\.L\.C|LLP|LP|N\.A|S\.A|P\.C)\.?"
_PARTY: Final = rf"{_WORD}(?: (?:(?:of|and|the|for|&) )?{_WORD}){{0,3}}(?:, {_FORM})?(?:,? et al\.?)?"
_BESIDE: Final = WORD | {"-", ":", "/"}


def number(text: str) -> int:
    """A number holds a digit, and ends with the last letter or digit."""
    return numbers.has_digit(text.rstrip(".:/-"))


def _labelled(category: str, label: str) -> Rule:
    return Rule(category, _NUMBER, label=f"(?:{label}){_NO}", check=number, after=ALNUM, caseless=True, confidence=0.9)


_RULES: Final = (
    # federal: division, year, kind of case, number, initials of the judges (CM/ECF)
    Rule(
        "case_number",
        r"(?:\d{1,2}:)?(?:\d\d|(?:19|20)\d\d)-?(?:cv|cr|mc|mj|md|ml|bk|ap|po|sw|gj|cm|mdl|op|misc)-?\d{3,6}(?:-[a-z]{2,4}){0,3}",
        before=_BESIDE,
        caseless=True,
        confidence=0.95,
    ),
    # states: year, kind of case, number
    Rule(
        "case_number",
        r"(?:19|20)\d\d-?(?:cf|ca|dr|pr|fa|jv|ci|sc|cc|cp|ch|la|fl|ad|mh|ct|cvd|crs|civ|crim)-?\d{3,8}(?:-[a-z0-9]{1,4}){0,2}",
        before=_BESIDE,
        caseless=True,
    ),
    # the Superior Court of Los Angeles County
    Rule("case_number", r"\d\d(?:ST|SM|VE|LB|PS|NW|CH|BB|TR|AV)[A-Z]{2}\d{5}", before=_BESIDE),
    # appeals: year and number
    Rule("case_number", r"\d\d-\d{2,5}", label=r"Nos?\. ", before=WORD, after=WORD | {"-"}, confidence=0.7),
    _labelled(
        "case_number",
        r"case|cause|civil action|criminal action|action|matter|index|proceeding|petition|appeal|adversary|court file",
    ),
    _labelled("docket_number", r"docket|dkt\.?|ecf|doc\.?|docket entry|d\.e\.|d\.i\."),
    Rule("docket_number", r"\d{1,5}", label=r"(?:dkt\.?|ecf|d\.e\.|d\.i\.) ", after=WORD | {"-"}, caseless=True),
    Rule(
        "party_name",
        rf"{_PARTY} (?:v\.|vs\.?|versus) {_PARTY}",
        after=frozenset(),
        sieve=r" (?:v\.|vs\.?|versus) [A-Z]",
        back=150,
        confidence=0.8,
    ),
    Rule(
        "party_name",
        _PARTY,
        label=r"(?i:in re|in the matter of|matter of|estate of|ex parte|guardianship of|people v\.?) ",
        after=frozenset(),
    ),
    named(
        "party_name",
        r"(?:plaintiff|defendant|petitioner|respondent|appellant|appellee|claimant|debtor|decedent|complainant|juvenile)s?,?",
    ),
)
CATEGORIES: Final = tuple(dict.fromkeys(rule.category for rule in _RULES))


@lru_cache(maxsize=8)
def court_rules(categories: frozenset[str]) -> RuleSet:
    """The rules of these categories, compiled once."""
    return RuleSet([rule for rule in _RULES if rule.category in categories])


def find_cases(text: str, categories: Collection[str] = CATEGORIES, *, limited: bool = False) -> list[Hit]:
    """Numbers and parties; `limited` as in `RuleSet.find`."""
    return court_rules(frozenset(categories)).find(view(text), limited=limited)
