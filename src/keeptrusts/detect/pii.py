"""Personal data with a form of its own: numbers, addresses of the net, identifiers behind their label."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from keeptrusts.detect import numbers
from keeptrusts.detect.calls import CALLS
from keeptrusts.detect.dates import DAY_OF_BIRTH
from keeptrusts.detect.fold import view
from keeptrusts.detect.labels import folded, labelled, seldom
from keeptrusts.detect.mail import EMAIL
from keeptrusts.detect.memory import remembered
from keeptrusts.detect.national import NATIONAL
from keeptrusts.detect.scan import ALNUM, WORD, Hit, Rule, RuleSet

_SEPARATED: Final = ALNUM | {"_", "-", ".", "/", "#", "+", "$", ","}

_BASE: Final = (
    EMAIL,
    *CALLS,
    Rule("ssn", r"\d{3}-\d\d-\d{4}", before=WORD | {"-"}, after=WORD | {"-"}, check=numbers.bare_ssn),
    Rule("ssn", r"\d{3} \d\d \d{4}", before=_SEPARATED, after=WORD, check=numbers.ssn, confidence=0.7),
    labelled("ssn", r"ssn|social security|social", r"\d{3}[-. ]?\d\d[-. ]?\d{4}", None),
    labelled("itin", r"itin|taxpayer", r"9\d\d[- ]?\d\d[- ]?\d{4}", numbers.itin),
    Rule("itin", r"9\d\d-\d\d-\d{4}", before=WORD | {"-"}, after=WORD | {"-"}, check=numbers.itin),
    Rule(
        "iban",
        r"[a-z]{2}\d\d(?: ?[a-z0-9]){11,30}",
        check=numbers.iban,
        after=frozenset(),
        caseless=True,
        sieve=r"[a-z]{2}[0-9]{2} ?[a-z0-9]",
        back=7,
        confidence=0.99,
    ),
    Rule("ip_address", r"\d{1,3}(?:\.\d{1,3}){3}(?:\.\d)?", before=WORD | {"."}, after=WORD, check=numbers.ipv4),
    Rule(
        "ip_address",
        r"[0-9a-f:][0-9a-f:.]{5,44}",
        before=WORD | {":"},
        after=WORD,
        check=numbers.ipv6,
        caseless=True,
        sieve=r"[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f]",
        back=46,
    ),
    Rule("mac_address", r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", before=WORD | {":", "-"}, caseless=True),
    Rule("crypto_wallet", r"[13][1-9A-HJ-NP-Za-km-z]{25,34}", check=numbers.base58, confidence=0.99),
    Rule("crypto_wallet", r"bc1[02-9ac-hj-np-z]{38,59}"),
    Rule("crypto_wallet", r"0x[0-9a-fA-F]{40}"),
    seldom(
        "passport",
        r"passport|reisepass(?:nummer)?|passeport|pasaporte|passaport[oe]|paspoort(?:nummer)?|paszport|passnummer",
        r"[a-z]{1,2}[ -]\d{6,8}|[a-z0-9]{6,9}",
    ),
    seldom(
        "drivers_license",
        r"driver'?s?'? licen[sc]e|driving licen[sc]e|licen[sc]e number|dl(?: number| no| #)|fuhrerschein(?:nummer)?"
        r"|permis de conduire|(?:permiso|licencia|carnet) de conducir|patente di guida|rijbewijs(?:nummer)?",
        r"[a-z0-9][a-z0-9-]{4,18}",
    ),
    seldom(
        "bank_account",
        r"(?:bank )?account (?:number|no|nr|num|#)|(?:bank|checking|savings|current|giro) account|acct|a/c|ktonr"
        r"|kontonummer|konto-?nr|numero de (?:compte|cuenta)|numero di conto|rekeningnummer",
        r"\d(?:[ -]?\d){5,16}",
        None,
    ),
    labelled("routing_number", r"routing|aba|rtn", r"\d{9}", numbers.aba),
    seldom(
        "date_of_birth",
        r"dob|d\.o\.b\.|date of birth|birth ?date|birthday|bday|born(?: on)?|geboren(?: am)?|geb\.|geburtsdatum"
        r"|date de naissance|nee? le|fecha de nacimiento|nacid[oa] el|data di nascita|nat[oa] il|data de nascimento"
        r"|nascid[oa] em|geboren op|geboortedatum|data urodzenia|urodzon[ya]|fodelsedatum|fodd|fodselsdato|fodt"
        r"|syntymaaika|syntynyt|datum narozeni|narozen|data nasterii|szuletesi datum|dogum tarihi",
        DAY_OF_BIRTH,
        None,
    ),
    seldom(
        "date_of_birth",
        folded("生年月日|出生日期|出生年月日?|생년월일|[Дд]ата рождения|[Дд]ата народження"),
        DAY_OF_BIRTH,
        None,
    ),
)
_CARDS: Final = (
    Rule(
        "credit_card",
        r"\d(?:[ -]?\d){12,18}",
        before=WORD | {"-", ".", "+"},
        after=WORD,
        check=numbers.card,
        confidence=0.99,
    ),
    labelled(
        "credit_card",
        r"(?:credit|debit|payment|bank )?cards?(?: num)?|cc|card pan|pan|kreditkarten?|karten|carte bancaire|carte"
        r"|tarjeta(?: de credito)?|carta di credito|cartao(?: de credito)?|creditcard",
        r"\d(?:[ -]?\d){11,18}",
        numbers.card_number,
    ),
    labelled("cvv", r"cvv2?|cvc2?|security code|card verification", r"\d{3,4}", None),
)
_HEALTH: Final = (
    labelled("medical_record", r"mrn|medical rec(?:ord)?|chart|patient", r"(?:[a-z]{1,3}[-#]?)?\d{5,12}"),
    labelled("health_plan", r"member|subscriber|beneficiary|policy|health plan", r"(?:[a-z]{1,4}[-#]?)?\d{6,14}"),
    labelled("npi", r"npi|national provider identifier", r"\d{10}", None),
    labelled("dea_number", r"dea", r"[a-z][a-z9]\d{7}", numbers.dea),
    Rule(
        "medicare_id",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d",
    ),
)

BASE_CATEGORIES: Final = tuple(dict.fromkeys(rule.category for rule in _BASE + NATIONAL))
CARD_CATEGORIES: Final = tuple(dict.fromkeys(rule.category for rule in _CARDS))
HEALTH_CATEGORIES: Final = tuple(dict.fromkeys(rule.category for rule in _HEALTH))
CATEGORIES: Final = BASE_CATEGORIES + CARD_CATEGORIES + HEALTH_CATEGORIES
DEFAULT: Final = frozenset(BASE_CATEGORIES + CARD_CATEGORIES)
FINANCIAL: Final = frozenset({"credit_card", "cvv", "iban", "bank_account", "routing_number", "crypto_wallet"})


@lru_cache(maxsize=64)
def rules_for(categories: frozenset[str]) -> RuleSet:
    """The rules of these categories, compiled once."""
    return RuleSet(rules_of(categories))


def rules_of(categories: Collection[str]) -> list[Rule]:
    """The rules of these categories, to be looked for with others."""
    return [rule for rule in (*_CARDS, *_BASE, *NATIONAL, *_HEALTH) if rule.category in categories]


def find_pii(text: str, categories: Iterable[str] = DEFAULT, *, limited: bool = False) -> list[Hit]:
    """Personal data of these categories; see `RuleSet.find`."""
    wanted = frozenset(categories)
    return rules_for(wanted).find(view(text), limited=True) if limited else list(_found(text, wanted))


@remembered
def _found(text: str, categories: frozenset[str]) -> tuple[Hit, ...]:
    return tuple(rules_for(categories).find(view(text)))
