"""What identifies a student: personally identifiable information in the sense of 34 CFR 99.3 (FERPA)."""

from __future__ import annotations

from functools import cache
from typing import Final

from keeptrusts.detect.fold import view
from keeptrusts.detect.labels import OF, labelled, named
from keeptrusts.detect.pii import rules_of
from keeptrusts.detect.places import PLACE, STREETS
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

_FROM_PII: Final = ("email", "phone", "ssn", "date_of_birth", "drivers_license", "passport", "national_id")
_OWN: Final = (
    labelled(
        "student_id",
        r"(?:student|pupil|learner|campus|matriculation|enrol?lment|roll|candidate|banner)(?:'s)?"
        r" ?(?:identification|id|number|no\.|#)|lasid|sasid|emplid|sis id",
        r"[a-z]{0,3}[-#]?\d{4,12}",
    ),
    named("student_name", r"(?:student|pupil|learner|child|minor)(?:'s)?(?: full)?(?: name)?"),
    named("family_name", r"(?:parent|guardian|mother|father|sibling)(?:'s)?(?:/guardian)?(?: maiden)?(?: name)?"),
    Rule(
        "place_of_birth",
        rf"{PLACE}(?:, [A-Z][A-Za-z]{{1,20}})?",
        label=rf"(?i:place of birth|birthplace|born in){OF}",
        after=frozenset(),
        confidence=0.7,
    ),
    labelled("academic_record", r"cumulative gpa|weighted gpa|gpa", r"[0-5]\.\d{1,3}", None),
    labelled("academic_record", r"class rank", r"\d{1,4}(?: ?(?:of|/) ?\d{1,4})?", None),
    labelled("academic_record", r"(?:sat|psat|act|map|ap) score", r"\d{1,4}", None),
    Rule("academic_record", r"[A-F][+-]?", label=rf"(?i:final grade|course grade|midterm grade|semester grade){OF}"),
    *STREETS,
)

_CHILD: Final = r"(?:[4-9]|1[0-2]|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_I_AM: Final = r"(?:i am|i'?m|i just turned|i turned|my age is) (?:only |just |almost |about )?"
_AGES: Final = (
    Rule("age", rf"{_I_AM}{_CHILD}[ -]?(?:years?[ -]old|yrs? old|y/?o|yo)", caseless=True),
    Rule("age", rf"{_I_AM}{_CHILD}", after=WORD | frozenset(" -:/%$'\"°"), caseless=True),
    Rule(
        "age",
        r"i(?: am|'?m) (?:in |a )?"
        r"(?:kindergarten|(?:[1-6](?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth)[ -]grader?)",
        caseless=True,
    ),
)
"""Somebody says to be younger than 13, the age of 16 CFR 312.2 (COPPA), or to be in a grade of that age."""


@cache
def student_rules() -> RuleSet:
    """The rules, compiled once."""
    return RuleSet([*_OWN, *rules_of(_FROM_PII)])


@cache
def _age_rules() -> RuleSet:
    return RuleSet(_AGES)


def find_students(text: str, *, limited: bool = False) -> list[Hit]:
    """What identifies a student; `limited` as in `RuleSet.find`."""
    return student_rules().find(view(text), limited=limited)


def find_children(text: str) -> list[Hit]:
    """Where whoever writes says to be younger than 13."""
    return _age_rules().find(view(text))
