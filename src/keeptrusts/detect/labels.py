"""Values that are told by what stands before them: `MRN: 00123456`."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.scan import Check, Rule

OF: Final = r"[ \t]{0,2}(?:(?:number|num|nr|no|id|code|#)\.?)?[ \t]{0,2}(?:is|was|of|:|=|#|->)?[\"' \t:=#(]{0,3}"
"""What may stand between a label and its value."""


def labelled(category: str, label: str, value: str, check: Check | None = numbers.has_digit) -> Rule:
    """A value that is told by the label before it, in any case of letters."""
    return Rule(category, value, label=f"(?:{label}){OF}", check=check, caseless=True, confidence=0.85)


_NAME_WORD: Final = r"[A-Z][A-Za-z'-]{1,20}"
NAME: Final = rf"(?:{_NAME_WORD}, {_NAME_WORD}|{_NAME_WORD}(?: (?:[A-Z]\.? )?{_NAME_WORD}){{0,2}})"
"""One to three words as names of people are written, with an initial among them; or the last name and a comma first."""
_NO_NAMES: Final = frozenset(
    {"access", "account", "advocate", "assistance", "bill", "care", "center", "centre", "counseling", "data", "date"}
    | {"education", "experience", "family", "financial", "health", "history", "home", "id", "information", "intake"}
    | {"is", "name", "network", "no", "number", "of", "portal", "privacy", "protection", "record", "records", "rights"}
    | {"safety", "satisfaction", "school", "services", "support", "the", "this", "was", "who", "with"}
)


def person(text: str) -> int:
    """Refuse what is written like a name and is none: `Patient Safety`."""
    return 0 if text.partition(" ")[0].strip(",").lower() in _NO_NAMES else len(text)


def named(category: str, label: str) -> Rule:
    """The name of a person behind a label, which may stand in any case of letters."""
    return Rule(category, NAME, label=f"(?i:{label}){OF}", check=person, after=frozenset(), confidence=0.7)
