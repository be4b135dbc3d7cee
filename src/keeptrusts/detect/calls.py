"""Telephone numbers: by their country code, as a country writes its own, or behind the words that announce one."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect import numbers, phones
from keeptrusts.detect.labels import folded, gap, spelled
from keeptrusts.detect.scan import ALNUM, WORD, Rule

_EXTENSION: Final = r"(?: ?(?:x|ext\.? ?)\d{1,5})?"
_SEPARATED: Final = ALNUM | {"_", "-", ".", "/", "#", "+", "$", ","}
_ANY: Final = r"\(?\+?\(?\d(?:[ ()./-]{0,2}\d){5,14}" + _EXTENSION
_PLACE: Final = "office|fax|mobile|cell|desk|home|work"
_MINE: Final = "(?:phone|cell|mobile|number|new number)"
"""What may stand behind a number and say that it is one."""
_NAMES: Final = (
    "telephone|telefone?|telefono|telefoon|telefonszam|phones?|tel|mobile|mobil|mobiel|movil|cell|cellulare|celular"
    "|cel|portable|handy|gsm|fax|whatsapp|office|desk|hotline|ph|tlf|puh|puhelin|matkapuhelin|telemovel|komorka|kom"
    "|contact number|my(?: new)? number|number to call|rufnummer|durchwahl|cep"
)
_CALLS: Final = (
    "messages to|answering at|registered|texts? to"
    "|(?:call|text|reach|contact|phone|ring|dial)(?: (?:me|us|him|her|them))?(?: back)?(?: (?:at|on))?"
    "|call on|(?:mich|uns|erreichbar) unter|(?:appelez|joindre|appeler|contacter)(?:-moi|-nous)? au"
    "|(?:llamame|llamanos|llamar|llame) al|(?:chiamami|chiamare|chiamateci) al|ligue (?:no|para)(?: o)?"
    "|(?:bel|bereikbaar)(?: (?:mij|me|ons))? op|pod numer(?:em)?|ring (?:mig|meg|oss) (?:pa|til)|ring til mig pa"
    "|soita(?: numeroon)?|zavolejte(?: mi)? na|numero e(?: il| o)?|numero est(?: le)?|numero es(?: el)?|beni"
)
_FOREIGN: Final = folded(
    "電話番号?|携帯(?:電話|番号)?|電話|연락처|전화(?:번호)?|휴대(?:폰|전화)|핸드폰|电话(?:号码)?|手机号?码?|手機|联系方式"
    "|[Тт]елефон|ТЕЛЕФОН|[Тт]ел|[Мм]\u043e\u0431(?:ильный)?|[Ττ]ηλ|[Ττ]ηλέφωνο|[Κκ]ινητό|טלפון|נייד|هاتف|جوال|फ़ोन|मोबाइल"
)


def _told(label: str) -> Rule:
    return Rule(
        "phone",
        _ANY,
        label=f"(?:{spelled(label)}){gap(1)}",
        before=ALNUM,
        check=numbers.digits_between(6, 18),
        caseless=True,
        confidence=0.8,
    )


CALLS: Final = (
    Rule(
        "phone",
        r"(?:\+|00)[ ]?\(?[1-9](?:[ ()./-]{0,2}\d){6,14}" + _EXTENSION,
        before=ALNUM | {"_", "+", "."},
        after=WORD,
        check=phones.international_phone,
        sieve=r"(?:\+|00) ?\(?[1-9][ ()./-]{0,2}[0-9]",
        back=7,
    ),
    Rule(
        "phone",
        r"\(\+[1-9]\d{0,2}\)(?:[ ()./-]{0,2}\d){6,12}",
        before=ALNUM | {"_", "+", "."},
        check=phones.international_phone,
    ),
    Rule(
        "phone",
        r"(?:1[-. ])?(?:\([2-9]\d\d\)[ -]?|[2-9]\d\d[-.])[2-9]\d\d[-. ]\d{4}" + _EXTENSION,
        before=_SEPARATED,
        after=WORD | {"-"},
        sieve=r"[2-9][0-9]{2}[-. ][0-9]{4}",
        back=16,
        confidence=0.8,
    ),
    Rule(
        "phone",
        r"\(?0\d{1,5}\)?[ ./-]{1,2}\d{2,8}(?:[ .-]\d{2,8}){0,4}",
        before=_SEPARATED,
        after=WORD | {"-"},
        check=phones.national_phone,
        sieve=r"0[0-9]{1,5}\)?[ ./-]{1,2}(?:[0-9][ .-]?){5}[0-9]",
        back=24,
        confidence=0.75,
    ),
    Rule(
        "phone",
        r"\([1-9]\d\) ?9?\d{4}-\d{4}",
        before=_SEPARATED,
        after=WORD | {"-"},
        check=phones.national_phone,
        confidence=0.75,
    ),
    _told(_NAMES),
    _told(_CALLS),
    Rule(
        "phone",
        _ANY,
        label=rf"(?:{_FOREIGN})[はがの是为為은는이]?{gap(0)}",
        before=ALNUM,
        check=numbers.digits_between(6, 18),
        confidence=0.8,
    ),
    Rule(
        "phone",
        rf"\+?\(?\d(?:[ ()./-]{{0,2}}\d){{6,14}}{_EXTENSION}(?:[ -]{{1,3}}(?:{_PLACE})| is my {_MINE})",
        before=ALNUM | {"_", "+", "."},
        check=numbers.digits_between(7, 15),
        caseless=True,
        sieve=rf"[0-9](?:[ -]{{1,3}}(?:{_PLACE})| is my {_MINE})",
        back=72,
        confidence=0.75,
    ),
)
