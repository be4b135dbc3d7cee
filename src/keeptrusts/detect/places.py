"""Where somebody lives, as it is written in the United States."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.labels import OF, labelled
from keeptrusts.detect.scan import DIGITS, WORD, Rule

_STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]"
    "|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
)
_WAY: Final = (
    r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|terrace|ter|circle|cir|highway"
    r"|hwy|parkway|pkwy|square|sq|trail|trl)"
)
_WORD: Final = r"[A-Z0-9][A-Za-z0-9'.-]{0,18}"
PLACE: Final = r"(?:(?:St|Ft|Mt)\. )?[A-Z][a-z'-]{1,20}(?: [A-Z][a-z'-]{1,20}){0,2}"

STREETS: Final = (
    Rule(
        "address",
        rf"\d{{1,6}}[A-Z]? (?:{_WORD} ){{1,3}}{_WAY}\.?"
        r"(?:,? (?i:apt|apartment|suite|ste|unit|#)\.? ?[A-Za-z0-9-]{1,6})?",
        before=WORD | {"$", "."},
        confidence=0.7,
    ),
    Rule("address", r"p\.? ?o\.? box (?:number |no\.? |#)?\d{1,6}", caseless=True),
)
AREAS: Final = (
    Rule("zip", rf"(?:{PLACE},? )?(?:{_STATES}),? {{1,2}}\d{{5}}(?:-\d{{4}})?", after=DIGITS, confidence=0.85),
    labelled("zip", r"zip ?code|zip|postal code", r"\d{5}(?:-\d{4})?", numbers.has_digit),
    Rule(
        "location",
        PLACE,
        label=rf"(?i:city|town|county|precinct){OF}",
        after=frozenset(),
        confidence=0.6,
    ),
    Rule(
        "location",
        PLACE,
        label=r"(?i:lives in|living in|resides in|residing in|resident of) ",
        after=frozenset(),
        confidence=0.6,
    ),
)
"""Parts of an address that are smaller than a state."""
