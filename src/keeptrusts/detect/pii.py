"""Personal data with a form of its own: numbers, addresses of the net, identifiers behind their label."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from keeptrusts.detect import numbers, phones
from keeptrusts.detect.fold import view
from keeptrusts.detect.labels import OF, labelled
from keeptrusts.detect.mail import EMAIL
from keeptrusts.detect.memory import remembered
from keeptrusts.detect.scan import ALNUM, WORD, Hit, Rule, RuleSet

_EXTENSION: Final = r"(?: ?(?:x|ext\.? ?)\d{1,5})?"
_SEPARATED: Final = ALNUM | {"_", "-", ".", "/", "#", "+", "$", ","}

_BASE: Final = (
    EMAIL,
    Rule(
        "phone",
        r"(?:\+|00)[ ]?\(?[1-9](?:[ ().-]{0,2}\d){6,14}",
        before=ALNUM | {"_", "+", "."},
        after=WORD,
        check=phones.international_phone,
        sieve=r"(?:\+|00) ?\(?[1-9][ ().-]{0,2}[0-9]",
        back=7,
    ),
    Rule(
        "phone",
        r"(?:1[-. ])?(?:\([2-9]\d\d\)[ -]?|[2-9]\d\d[-.])[2-9]\d\d[-. ]\d{4}" + _EXTENSION,
        before=_SEPARATED,
        after=WORD | {"-"},
        confidence=0.8,
    ),
    Rule(
        "phone",
        r"\(?0\d{1,4}\)?[ /-]\d{2,4}(?:[ -]\d{2,4}){1,4}",
        before=_SEPARATED,
        after=WORD | {"-"},
        check=phones.national_phone,
        confidence=0.75,
    ),
    Rule(
        "phone",
        r"\+?\(?\d(?:[ ().-]{0,2}\d){5,14}" + _EXTENSION,
        label=r"(?:telephone|telefone?|telefono|phone|tel|mobile|mobil|cell|fax|whatsapp|office|desk|dial|hotline"
        r"|messages to|answering at|registered"
        r"|(?:call|text|reach|contact) (?:me|us) (?:at|on)|texts? to)" + OF + r"\s?",
        check=numbers.digits_between(6, 18),
        caseless=True,
        confidence=0.8,
    ),
    Rule(
        "phone",
        rf"\+?\(?\d(?:[ ().-]{{0,2}}\d){{6,14}}{_EXTENSION}[ -]{{1,3}}(?:office|fax|mobile|cell|desk|home|work)",
        before=ALNUM | {"_", "+", "."},
        check=numbers.digits_between(7, 15),
        caseless=True,
        sieve=r"[0-9][ -]{1,3}(?:office|fax|mobile|cell|desk|home|work)",
        back=64,
        confidence=0.75,
    ),
    Rule("ssn", r"\d{3}-\d\d-\d{4}", before=WORD | {"-"}, after=WORD | {"-"}, check=numbers.bare_ssn),
    Rule("ssn", r"\d{3} \d\d \d{4}", before=_SEPARATED, after=WORD, check=numbers.ssn, confidence=0.7),
    labelled("ssn", r"ssn|social security", r"\d{3}[-. ]?\d\d[-. ]?\d{4}", None),
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
    labelled("passport", r"passport|reisepass(?:nummer)?|passeport|pasaporte|passaporto|paspoort", r"[a-z0-9]{6,9}"),
    labelled("drivers_license", r"driver'?s?'? licen[sc]e|driving licen[sc]e|licen[sc]e number", r"[a-z0-9-]{5,16}"),
    labelled("bank_account", r"(?:bank )?account (?:number|no)|acct", r"\d(?:[ -]?\d){5,16}", None),
    labelled("routing_number", r"routing|aba|rtn", r"\d{9}", numbers.aba),
    labelled(
        "date_of_birth",
        r"dob|d\.o\.b\.|date of birth|birth ?date|birthday|born(?: on)?|geboren(?: am)?|geburtsdatum"
        r"|date de naissance|nee? le|fecha de nacimiento|nacid[oa] el|data di nascita|nat[oa] il|data de nascimento"
        r"|geboortedatum",
        r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2} [a-z]{3,9} \d{4}|[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})",
    ),
)
_NATIONAL: Final = (
    labelled("national_id", "bsn|burgerservicenummer", r"\d{9}", numbers.standard("nl.bsn")),
    labelled("national_id", "pesel", r"\d{11}", numbers.standard("pl.pesel")),
    labelled("national_id", "aadhaar|aadhar", r"\d{4} ?\d{4} ?\d{4}", numbers.standard("in_.aadhaar")),
    labelled("national_id", r"f[o]dselsnummer|fnr", r"\d{6} ?\d{5}", None),
    labelled("national_id", r"personnummer", r"\d{6,8}[-+]?\d{4}", None),
    labelled("national_id", r"nhs", r"\d{3} ?\d{3} ?\d{4}", numbers.standard("gb.nhs")),
    labelled("national_id", r"securite sociale|nir|insee", r"[12](?: ?\d){12,14}", None),
    labelled("national_id", r"steuer-?id|identifikationsnummer", r"\d(?: ?\d){10}", numbers.standard("de.idnr")),
    labelled("national_id", r"sin|social insurance", r"\d{3}[- ]?\d{3}[- ]?\d{3}", numbers.luhn_number),
    labelled("national_id", r"tfn|tax file", r"\d{3} ?\d{3} ?\d{3}", numbers.standard("au.tfn")),
    labelled("national_id", r"pan", r"[a-z]{5}\d{4}[a-z]", None),
    labelled("national_id", r"henkilotunnus|hetu", r"\d{6}[-+a-y]\d{3}[0-9a-y]", None),
    Rule("national_id", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", confidence=0.85),
    labelled("national_id", r"cpf", r"\d{11}", numbers.standard("br.cpf")),
    Rule("national_id", r"\d{3}\.\d{3}\.\d{3}-\d\d", check=numbers.standard("br.cpf"), confidence=0.99),
    Rule("national_id", r"[0-9XYZ]\d{7}-?[A-HJ-NP-TV-Z]", check=numbers.standard("es.nif"), confidence=0.9),
    Rule(
        "national_id",
        r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]",
        check=numbers.standard("it.codicefiscale"),
        confidence=0.99,
    ),
)
_CARDS: Final = (
    Rule(
        "credit_card",
        r"\d(?:[ -]?\d){11,18}",
        before=WORD | {"-", "."},
        after=WORD,
        check=numbers.card,
        confidence=0.99,
    ),
    labelled("cvv", r"cvv2?|cvc2?|security code|card verification", r"\d{3,4}", None),
)
_HEALTH: Final = (
    labelled("medical_record", r"mrn|medical record|chart|patient", r"[a-z]{0,3}[-#]?\d{5,12}"),
    labelled("health_plan", r"member|subscriber|beneficiary|policy|health plan", r"[a-z]{0,4}[-#]?\d{6,14}"),
    labelled("npi", r"npi|national provider identifier", r"\d{10}", None),
    labelled("dea_number", r"dea", r"[a-z][a-z9]\d{7}", numbers.dea),
    Rule(
        "medicare_id",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d",
    ),
)

BASE_CATEGORIES: Final = tuple(dict.fromkeys(rule.category for rule in _BASE + _NATIONAL))
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
    return [rule for rule in (*_CARDS, *_BASE, *_NATIONAL, *_HEALTH) if rule.category in categories]


def find_pii(text: str, categories: Iterable[str] = DEFAULT, *, limited: bool = False) -> list[Hit]:
    """Personal data of these categories; see `RuleSet.find`."""
    wanted = frozenset(categories)
    return rules_for(wanted).find(view(text), limited=True) if limited else list(_found(text, wanted))


@remembered
def _found(text: str, categories: frozenset[str]) -> tuple[Hit, ...]:
    return tuple(rules_for(categories).find(view(text)))
