"""Days and months of the calendar, as they are written in English and in numbers."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect.scan import DIGITS, LETTERS, WORD, Rule

_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR: Final = r"(?:19|20)\d\d"
DAY_OF_BIRTH: Final = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(?:19|20)\d{6}|[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}"
    r"|\d{4}[年년] ?\d{1,2}[月월] ?\d{1,2}[日일]"
    r"|\d{1,2}(?:st|nd|rd|th|er|\.)?[ -](?:de |of )?[a-z]{3,10}\.?,?[ -](?:del? )?\d{4}"
)
"""A day as people write it behind a label, in any order and with the months of any language of Latin letters."""
_BESIDE: Final = WORD | {"-", "/", "."}


def calendar_day(text: str) -> int:
    """A day in numbers: year first, or day and month in either order; with dots only when the year has four digits."""
    mark = next(letter for letter in text if letter in "-/.")
    parts = text.split(mark)
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return 0
    year, first, second = (parts[0], parts[1], parts[2]) if len(parts[0]) == 4 else (parts[2], parts[0], parts[1])
    if len(year) not in ({4} if mark == "." else {2, 4}) or (len(year) == 4 and not "1850" <= year <= "2150"):
        return 0
    low, high = sorted((int(first), int(second)))
    return len(text) if 1 <= low <= 12 and high <= 31 else 0


def dates(category: str) -> tuple[Rule, ...]:
    """Rules for dates that say more than the year."""
    return (
        Rule(
            category,
            r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}",
            before=_BESIDE,
            after=DIGITS | {"/"},
            check=calendar_day,
            confidence=0.8,
        ),
        Rule(category, rf"(?:0?[1-9]|1[0-2])/{_YEAR}", before=_BESIDE, after=DIGITS | {"/"}, confidence=0.7),
        Rule(category, rf"{_MONTHS}\.? {_DAY}(?:,? {_YEAR})?", after=DIGITS, caseless=True, confidence=0.8),
        Rule(category, rf"{_MONTHS}\.?,? {_YEAR}", after=DIGITS, caseless=True, confidence=0.8),
        Rule(
            category,
            rf"{_DAY} (?:of )?{_MONTHS}(?:\.?,? {_YEAR})?",
            before=_BESIDE,
            after=LETTERS,
            caseless=True,
            confidence=0.8,
        ),
    )
