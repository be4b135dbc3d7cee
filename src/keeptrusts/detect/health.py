"""
The identifiers that a text must lose before it is de-identified: 45 CFR 164.514(b)(2)(i), (A) to (R).

Names are told by a label or a title before them. Photographs, (Q), are no text.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.dates import dates
from keeptrusts.detect.fold import view
from keeptrusts.detect.labels import NAME as PERSON
from keeptrusts.detect.labels import labelled, named, person
from keeptrusts.detect.pii import rules_of
from keeptrusts.detect.places import AREAS, STREETS
from keeptrusts.detect.scan import WORD, Hit, Rule, RuleSet

_FROM_PII: Final = (
    *("phone", "email", "ssn", "itin", "ip_address", "mac_address", "medical_record", "health_plan", "medicare_id"),
    *("bank_account", "routing_number", "iban", "credit_card", "drivers_license", "passport", "national_id", "npi"),
    *("dea_number",),
)
"""Telephone and fax (D, E), e-mail (F), social security (G), record, plan and account numbers (H-K), addresses (O)."""

_DIRECT: Final = (
    # (A)
    named(
        "name", r"patient(?:'s)?(?: name)?|name of (?:the )?patient|full name|(?:first|last|middle|maiden) name|surname"
    ),
    named(
        "name",
        r"next of kin|emergency contact|guardian|policy ?holder|insured|subscriber|spouse|(?:mother|father)'s name",
    ),
    Rule("name", PERSON, label=r"(?:Mr|Mrs|Ms|Miss|Mx)\.? ", check=person, after=frozenset(), confidence=0.8),
    # (B), as far as it names the house
    *STREETS,
    # (J), (K)
    labelled("account_number", r"account (?:id|#)|billing|invoice", r"[a-z]{0,4}[-#]?\d{5,16}"),
    labelled("license_number", r"certificate|license|licence", r"[a-z]{0,4}[-#]?\d{4,14}"),
    # (L), (M)
    Rule("vehicle", r"[A-HJ-NPR-Z0-9]{17}", check=numbers.vin, confidence=0.95),
    labelled(
        "vehicle",
        r"licen[sc]e plate|registration plate|plate|tag number",
        r"(?:[a-z]{2} )?[a-z0-9]{2,4}[- ]?[a-z0-9]{2,4}",
    ),
    labelled("device", r"device(?: identifier| serial)?|serial|udi|imei|lot number", r"[a-z0-9][a-z0-9-]{5,24}"),
    Rule("device", r"\(01\)\d{14}(?:\(\d\d\)[A-Za-z0-9]{1,20}){0,3}", before=WORD, after=frozenset()),
    # (N)
    Rule("url", r"(?:https?://|www\.)[^\s<>\"'`(){}|\\^\[\]]{3,120}", after=frozenset(), caseless=True),
    # (P)
    labelled(
        "biometric",
        r"finger ?print|voice ?print|palm ?print|(?:iris|retinal?) scan|face ?print|biometric(?: template)?",
        r"[a-z0-9+/=_-]{6,64}",
    ),
)
_AGE: Final = r"(?:9\d|1[0-2]\d)"
_LIMITED: Final = (
    # (B), what may stay in a limited data set
    *AREAS,
    # (C)
    *dates("date"),
    labelled("age", r"age|aged", _AGE, None),
    Rule(
        "age",
        rf"{_AGE}(?:[ -]years?[ -]old|[ -]?yrs? old| ?y/?o| years of age)",
        after=WORD,
        before=WORD | {".", "$"},
        caseless=True,
    ),
    # (R)
    labelled(
        "unique_id",
        r"(?:case|study|participant|subject|encounter|visit|accession|specimen|claim|referral|prescription|rx|sample|chart)"
        r"(?: number| no| id|#)",
        r"[a-z]{0,4}[-#]?\d[a-z0-9-]{3,18}",
    ),
)
"""What 45 CFR 164.514(e)(2) leaves in a limited data set: dates, ages, towns and ZIP codes, and other codes."""


@cache
def identifiers(*, limited_data_set: bool) -> RuleSet:
    """The rules of safe harbor, or those of a limited data set."""
    shared = [*_DIRECT, *rules_of(_FROM_PII)]
    return RuleSet(shared if limited_data_set else [*shared, *_LIMITED, *rules_of(("date_of_birth",))])


def find_identifiers(text: str, *, limited_data_set: bool = False, limited: bool = False) -> list[Hit]:
    """Identifiers of a person's health record; `limited` as in `RuleSet.find`."""
    return identifiers(limited_data_set=limited_data_set).find(view(text), limited=limited)
