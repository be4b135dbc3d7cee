"""Forms of personal data that real texts use, and numbers that only look like it."""

from __future__ import annotations

import pytest

from keeptrusts.detect.pii import CATEGORIES, find_pii
from keeptrusts.detect.spans import values


def told(text: str) -> list[tuple[str, str]]:
    return [(hit.category, text[hit.start : hit.end]) for hit in values(find_pii(text, CATEGORIES))]


@pytest.mark.parametrize(
    ("text", "category", "value"),
    [
        ("Desk: +1-903-140-4508x769", "phone", "+1-903-140-4508x769"),
        ("(37) 788-063-Office", "phone", "(37) 788-063"),
        ("655 437 108 office", "phone", "655 437 108"),
        ("registered 668 5702.", "phone", "668 5702"),
        ("geboren am 01.02.1990", "date_of_birth", "01.02.1990"),
        ("née le 01/02/1990", "date_of_birth", "01/02/1990"),
        ("fecha de nacimiento: 01/02/1990", "date_of_birth", "01/02/1990"),
        ("Reisepassnummer C01X00T47", "passport", "C01X00T47"),
        ("chart no. 4471023", "medical_record", "4471023"),
        ("ssn 404-05-9247", "ssn", "404-05-9247"),
        ("| Passport no. | X3911285 |", "passport", "X3911285"),
        ("My passport number is E72777960.", "passport", "E72777960"),
        ("she gave me her NPI, 1003000126, and hung up", "npi", "1003000126"),
        ("please change my account no. to 714065448", "bank_account", "714065448"),
        ("<td>Routing number</td><td>021000021</td>", "routing_number", "021000021"),
        ('{"taxpayer_ssn": "647128154"}', "ssn", "647128154"),
        ("the MRN on the form was MRN-43983703", "medical_record", "MRN-43983703"),
        ("DL number: A908-0225-3681-01", "drivers_license", "A908-0225-3681-01"),
        ("dateOfBirth=21 January 1986", "date_of_birth", "21 January 1986"),
        ("nato il November 26, 1952 a Roma", "date_of_birth", "November 26, 1952"),
        ("生年月日：1990年1月2日", "date_of_birth", "1990年1月2日"),
        ("debit card number: 2200 1091 7259 9949", "credit_card", "2200 1091 7259 9949"),
        ("Maestro card 060426070011", "credit_card", "060426070011"),
        ("Sent to 2001:db8::8a2e:370:7334.", "ip_address", "2001:db8::8a2e:370:7334"),
        ("電話番号：03-1237-9699", "phone", "03-1237-9699"),
        ("携帯は090-4424-4418です", "phone", "090-4424-4418"),
        ("Телефон: 050 186 1603", "phone", "050 186 1603"),
        ("Rufen Sie mich unter 030 405840 an", "phone", "030 405840"),
        ("tlf. 40 61 07 74", "phone", "40 61 07 74"),
        ("Mobile No. (11) 2456-3192", "phone", "(11) 2456-3192"),
        ("ring 06.12.58.98.84 tonight", "phone", "06.12.58.98.84"),
        ("or (11) 96269-3032, ask for Ana", "phone", "(11) 96269-3032"),
        ("it is 07400 978579", "phone", "07400 978579"),
        ("AHV 756.9217.0769.85", "national_id", "756.9217.0769.85"),
        ("rodné číslo: 710319/2745", "national_id", "710319/2745"),
        ("CURP BOXW310820HNERXN09", "national_id", "BOXW310820HNERXN09"),
        ("주민등록번호 971013-9019902", "national_id", "971013-9019902"),
    ],
)
def test_a_form_is_found(text: str, category: str, value: str) -> None:
    """With the words around it that give it away."""
    assert told(text) == [(category, value)]


@pytest.mark.parametrize(
    "text",
    [
        "error 404-05-9247", "order 1234567 of the office", "in 2023 office rents fell", "born to run 5 miles",
        "build 4021.33.1020-2", "ref 0434 329 68", "0042/123 of 2019", "EAN 0022377846548", "FedEx 0246 9002 4911",
        "a passport, two visas", "card 4111 1111 1111 1112", "the account number of days",
        "063 436 763 units sold", "the passport office", "ISBN 978-3-16-148410-0", "v1.2.3.4 of the driver",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left(text: str) -> None:
    """Codes, years and versions."""
    assert told(text) == []
