"""Values that are told by what stands before them: `MRN: 00123456`."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.fold import view
from keeptrusts.detect.scan import ALNUM, Check, Rule

OF: Final = r"[ \t]{0,2}(?:(?:number|num|nr|no|id|code|#)\.?)?[ \t]{0,2}(?:is|was|of|:|=|#|->)?[\"' \t:=#(]{0,3}"
"""What may stand between a label and its value."""


_BETWEEN: Final = (
    "is|was|are|as|to|of|on|at|in|the|my|her|his|our|its?|it's|be|now|new|old|this|that|reads|shown|given|file|form"
    "|right|correct|under|ist|lautet|war|es|est?|e|el|l[ea]|a[lu]|op"
)
_MARK: Final = r"[\s\"'`:=#|>*,\\-]"
_CELL: Final = r"</t[dh]>\s{0,2}<t[dh]>"
_REST: Final = "numbers?|num|nummer|numero|nr|no|id|code|#"


def _marked(words: int) -> str:
    small = rf"(?:[ ,]{{1,2}}(?:{_BETWEEN})){{1,{words}}}{_MARK}{{1,6}}|" if words else ""
    return rf"[ _-]?(?:{_REST})?\.?(?:{_CELL}|{small}{_MARK}{{1,6}})"


def gap(words: int) -> str:
    """What may stand between a label and its value: the rest of its name, so many small words, marks, a cell's edge."""
    return rf"(?:{_marked(words)}|[ _-]?(?:n[or]\.|#)?\.?)"


LONGEST: Final = 48
"""Characters of a label that is looked for by itself, and the one before it."""
_EDGE: Final = "(?:[^a-z]|n[uor]|id|code)"
_GAP: Final = gap(4) + r"\(?"
_APART: Final = rf"(?:{_marked(4)}\(?|[ _-]?(?:n[or]\.|#)\.?\(?|[ _-]?\.?\(|[ _-]\.?|\.)"
"""The same, and not nothing."""


def folded(words: str) -> str:
    """Words as a detector reads them, whatever their accents; what a pattern is made of stays."""
    return view(words).data.decode()


def spelled(label: str) -> str:
    """A label of several words as it is written in texts and as the name of a field."""
    return label.replace(" ", "[ _-]?")


def labelled(category: str, label: str, value: str, check: Check | None = numbers.has_digit) -> Rule:
    """A value that is told by the label before it, in any case of letters."""
    told = f"(?:{spelled(label)}){_GAP}"
    return Rule(category, _one(value), label=told, before=ALNUM, check=check, caseless=True, confidence=0.85)


def seldom(category: str, label: str, value: str, check: Check | None = numbers.has_digit) -> Rule:
    """The same for labels that few texts have: these alone are looked for at first."""
    told = f"(?:{spelled(label)})"
    return Rule(
        category,
        _one(value),
        label=told + _APART,
        before=ALNUM,
        check=check,
        caseless=True,
        sieve=told + _EDGE,
        back=LONGEST,
        opens=True,
        confidence=0.85,
    )


def _one(value: str) -> str:
    return f"(?:{value})" if "|" in value else value


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
