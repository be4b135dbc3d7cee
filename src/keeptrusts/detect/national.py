"""Numbers that states give to persons: by their own form and check digits, or behind the name of the register."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect.labels import folded, seldom
from keeptrusts.detect.numbers import digits_between, luhn_number, standard
from keeptrusts.detect.scan import Check, Rule

_KIND: Final = "national_id"


def _named(label: str, value: str, check: Check | None) -> Rule:
    return seldom(_KIND, folded(label), value, check)


def _told(pattern: str, module: str, confidence: float = 0.99) -> Rule:
    """By its form alone, which holds a proof."""
    return Rule(_KIND, pattern, check=standard(module), confidence=confidence)


NATIONAL: Final = (
    _named("bsn|burgerservicenummer|sofinummer", r"\d{9}", standard("nl.bsn")),
    _named("pesel", r"\d{11}", standard("pl.pesel")),
    _named("aadhaar|aadhar|uidai?", r"\d{4}[ -]?\d{4}[ -]?\d{4}", standard("in_.aadhaar")),
    _named("pan", r"[a-z]{5}\d{4}[a-z]", None),
    _named("fødselsnummer|fnr|d-nummer", r"\d{6} ?\d{5}", None),
    _named("personnummer|samordningsnummer", r"\d{6,8}[-+]?\d{4}", None),
    _named("cpr|personnummer", r"\d{6}-?\d{4}", None),
    _named("nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", standard("gb.nhs")),
    _named("nino|national insurance", r"[a-z]{2}(?: ?\d\d){3} ?[a-d]", None),
    _named("sécurité sociale|nir|insee|sécu", r"[12](?: ?[0-9ab]){12,14}", digits_between(12, 15)),
    _named(
        "steuer-?id|steuerliche id|steueridentifikationsnummer|identifikationsnummer|idnr",
        r"\d(?: ?\d){10}",
        standard("de.idnr"),
    ),
    _named("sozialversicherungsnummer|rentenversicherungsnummer|svnr", r"\d{8} ?[a-z] ?\d{3}|\d{4} ?\d{6}", None),
    _named("personalausweis|ausweis", r"[cfghjklmnprtvwxyz0-9]{9,10}", digits_between(4, 10)),
    _named("sin|social insurance|nas", r"\d{3}[- ]?\d{3}[- ]?\d{3}", luhn_number),
    _named("tfn|tax file", r"\d{3} ?\d{3} ?\d{3}", standard("au.tfn")),
    _named("henkilötunnus|hetu", r"\d{6}[-+a-y]\d{3}[0-9a-y]", None),
    _named("cpf", r"\d{11}", standard("br.cpf")),
    _named("dni|nie|nif", r"[0-9xyz]\d{7}-?[a-z]|\d{2}\.?\d{3}\.?\d{3}", None),
    _named("nif|contribuinte", r"\d{3} ?\d{3} ?\d{3}", standard("pt.nif")),
    _named("rijksregister|registre national|nrn|insz|niss", r"\d\d\.?\d\d\.?\d\d[- ]?\d{3}\.?\d\d", standard("be.nn")),
    _named("rodné číslo|rč", r"\d{6}/?\d{3,4}", standard("cz.rc")),
    _named("cnp|cod numeric personal", r"\d{13}", standard("ro.cnp")),
    _named("egn|\u0415\u0413\u041d", r"\d{10}", standard("bg.egn")),
    _named("oib", r"\d{11}", standard("hr.oib")),
    _named("amka|\u0391\u039c\u039a\u0391", r"\d{11}", standard("gr.amka")),
    _named("kimlik|tckn|tckno", r"\d{11}", standard("tr.tckimlik")),
    _named("pps|ppsn", r"\d{7}[a-w][a-iw]?", standard("ie.pps")),
    _named("ahv|avs|navs", r"756\.?\d{4}\.?\d{4}\.?\d\d", standard("ch.ssn")),
    _named('teudat zehut|zehut|ת"ז|תעודת זהות', r"\d{8,9}", standard("il.idnr")),
    _named("rut", r"\d{1,2}\.?\d{3}\.?\d{3}-?[0-9k]", standard("cl.rut")),
    _named("curp", r"[a-z]{4}\d{6}[hmx][a-z]{5}[a-z0-9]\d", None),
    _named("rfc", r"[a-z&]{3,4}\d{6}[a-z0-9]{3}", None),
    _named("cédula|cedula de ciudadanía", r"\d{1,3}(?:\.?\d{3}){2,3}|\d{10}", digits_between(6, 10)),
    _named("nik|ktp", r"\d{16}", None),
    _named("cnic", r"\d{5}-?\d{7}-?\d", None),
    _named("nric|fin", r"[stfgm]\d{7}[a-z]", None),
    _named("nric|mykad", r"\d{6}-?\d\d-?\d{4}", standard("my.nric")),
    _named("asmens kodas|isikukood", r"\d{11}", standard("ee.ik")),
    _named("rrn|resident registration|주민등록번호|주민번호", r"\d{6}-?[0-9]\d{6}", None),
    _named("身份证号?码?|身份證號?碼?|公民身份号码|shenfenzheng", r"\d{17}[0-9x]", None),
    _named("マイナンバー|個人番号|my number", r"\d{4}[ -]?\d{4}[ -]?\d{4}", digits_between(12, 12)),
    _named("rsa id|sa id|south african id|id number", r"\d{13}", standard("za.idnr")),
    _named(
        "national id|identity card|id card|citizen id|identity document|carte d'identité|carta d'identità"
        "|documento de identidad|dowód osobisty",
        r"[a-z0-9][a-z0-9.-]{5,17}",
        digits_between(4, 18),
    ),
    Rule(_KIND, r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", confidence=0.85),
    _told(r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf"),
    _told(r"[0-9XYZ]\d{7}-?[A-HJ-NP-TV-Z]", "es.nif", 0.9),
    _told(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    _told(r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn"),
    _told(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d", "mx.curp"),
    _told(r"\d{1,2}\.\d{3}\.\d{3}-[0-9Kk]", "cl.rut"),
    _told(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d{4}[0-9Xx]", "cn.ric"),
    _told(r"\d{6}-[1-8]\d{6}", "kr.rrn"),
    _told(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn"),
    _told(r"[12]\d\d(?:0[1-9]|1[0-2])(?:\d\d|2[AB])\d{8}", "fr.nir"),
)
