"""
Personal data that no rule was tuned on: values by Faker, `phonenumbers` and `python-stdnum`, in texts of many forms.

    python bench/detection/fresh_values.py [--seed 11] [--each 8] > lines.jsonl

Run by an interpreter that has these packages (`requirements-eval.txt`). Each line has `text`, `spans` and `set`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import random
import string
from collections.abc import Callable, Iterator

import phonenumbers
from faker import Faker
from fresh_texts import harmless, put

LOCALES = (
    *("en_US", "en_GB", "en_CA", "en_AU", "en_NZ", "en_IE", "en_IN", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CH"),
    *("fr_CA", "es_ES", "es_MX", "es_AR", "es_CL", "es_CO", "it_IT", "pt_BR", "pt_PT", "nl_NL", "nl_BE", "pl_PL"),
    *("cs_CZ", "sk_SK", "sv_SE", "no_NO", "da_DK", "fi_FI", "ro_RO", "hu_HU", "tr_TR", "el_GR", "bg_BG", "hr_HR"),
    *("uk_UA", "ja_JP", "ko_KR", "zh_CN", "zh_TW", "id_ID", "vi_VN", "he_IL"),
)
"""Faker's names; the country at their end is that of telephone numbers and of national ones."""
BANKS = {
    "AD": "D8C12", "AE": "D19", "AL": "D8C16", "AT": "D16", "AZ": "A4C20", "BA": "D16", "BE": "D12", "BG": "A4D6C8",
    "BH": "A4C14", "BR": "D23A1C1", "CH": "D5C12", "CR": "D18", "CY": "D8C16", "CZ": "D20", "DE": "D18", "DK": "D14",
    "DO": "C4D20", "EE": "D16", "ES": "D20", "FI": "D14", "FO": "D14", "FR": "D10C11D2", "GB": "A4D14", "GE": "A2D16",
    "GI": "A4C15", "GL": "D14", "GR": "D7C16", "GT": "C4C20", "HR": "D17", "HU": "D24", "IE": "A4D14", "IL": "D19",
    "IS": "D22", "IT": "A1D10C12", "JO": "A4D4C18", "KW": "A4C22", "KZ": "D3C13", "LB": "D4C20", "LI": "D5C12",
    "LT": "D16", "LU": "D3C13", "LV": "A4C13", "MC": "D10C11D2", "MD": "C2C18", "ME": "D18", "MK": "D3C10D2",
    "MR": "D23", "MT": "A4D5C18", "NL": "A4D10", "NO": "D11", "PK": "A4C16", "PL": "D24", "PS": "A4C21", "PT": "D21",
    "QA": "A4C21", "RO": "A4C16", "RS": "D18", "SA": "D2C18", "SE": "D20", "SI": "D15", "SK": "D20", "SM": "A1D10C12",
    "TN": "D20", "TR": "D5D1C16", "UA": "D6C19", "VG": "A4D16", "XK": "D16",
}  # fmt: skip
"""What stands behind the check digits of an IBAN, by country (SWIFT, IBAN registry); see `Maker.filled`."""
CARDS = (
    (("4",), (16, 16, 16, 13, 19)), (("51", "53", "55", "2221", "2500", "2720"), (16,)), (("34", "37"), (15,)),
    (("6011", "644", "65"), (16,)), (("300", "305", "36", "38"), (14,)), (("3528", "3589"), (16,)),
    (("62",), (16, 19)), (("5018", "5020", "5038", "6304", "6759", "6761"), (16, 16, 16, 13, 18)),
    (("2200", "2204"), (16,)), (("60", "81", "82", "508"), (16,)), (("4011", "5067", "6362", "6550"), (16,)),
    (("9792",), (16,)),
)  # fmt: skip
"""Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro, Mir, RuPay, Elo, Troy."""
PASSPORTS = ("AD8", "D9", "A2D6", "A1D7", "CCCCCCCCC", "D2A2D5", "A3D6", "A2D7", "A2CCCCCCD1", "ED8", "XD7")
LICENCES = ("AD7", "AD12", "D8", "D9", "A2D6", "A3D6", "DDDAD5", "AD14", "D7", "AD8", "D3-D3-D3", "AD3-D4-D4-D2")
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class Maker:
    """Values by chance, and the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.fakers = {locale: Faker(locale) for locale in LOCALES}
        for faker in self.fakers.values():
            faker.seed_instance(seed)

    def digits(self, count: int) -> str:
        return "".join(self.draw.choices(string.digits, k=count))

    def filled(self, form: str) -> str:
        """A letter for each A, a digit for each D, either for each C; a number says how often."""
        alphabets = {"A": string.ascii_uppercase, "D": string.digits, "C": "CFGHJKLMNPRTVWXYZ0123456789"}
        text, at = "", 0
        while at < len(form):
            sign, at = form[at], at + 1
            end = at
            while end < len(form) and form[end].isdigit():
                end += 1
            text += "".join(self.draw.choices(alphabets.get(sign, sign), k=int(form[at:end] or 1)))
            at = end
        return text

    def email(self, locale: str) -> str:
        fake, draw = self.fakers[locale], self.draw
        user = fake.user_name() if draw.random() < 0.7 else f"{fake.user_name()}.{fake.user_name()}"
        user += draw.choice(["", "", "", f"+{fake.user_name()[:5]}", f"_{draw.randint(1, 99)}", "-x"])
        hosts = [fake.free_email_domain(), fake.domain_name(), f"mail.{fake.domain_name()}"]
        one = f"{user}@{draw.choice(hosts)}"
        return draw.choice([*[one] * 18, one.upper(), one.capitalize()])

    def phone(self, locale: str) -> tuple[str, bool]:
        """A valid number of a country in one of the forms that it is written in there; whether it says its country."""
        region, kinds, forms = locale[-2:], phonenumbers.PhoneNumberType, phonenumbers.PhoneNumberFormat
        while True:
            example = phonenumbers.example_number_for_type(
                region, self.draw.choice([kinds.MOBILE, kinds.FIXED_LINE, kinds.FIXED_LINE_OR_MOBILE])
            )
            if not example:
                continue
            national = phonenumbers.national_significant_number(example)
            keep = self.draw.randint(2, 4)
            number = phonenumbers.parse(national[:keep] + self.digits(len(national) - keep), region)
            if phonenumbers.is_valid_number_for_region(number, region):
                form = self.draw.choice([forms.NATIONAL, forms.NATIONAL, forms.INTERNATIONAL, forms.E164])
                text = phonenumbers.format_number(number, form)
                if form == forms.INTERNATIONAL and self.draw.random() < 0.3:
                    text = text.replace(" ", self.draw.choice("-."))
                return text, form != forms.NATIONAL

    def card(self) -> str:
        heads, sizes = self.draw.choice(CARDS)
        size, head = self.draw.choice(sizes), self.draw.choice(heads)
        body = head + self.digits(size - 1 - len(head))
        number = body + luhn_digit(body)
        cuts = (4, 10) if size in {14, 15} else tuple(range(4, size, 4))
        groups = [number[low:high] for low, high in zip((0, *cuts), (*cuts, size), strict=True)]
        return self.draw.choice(["", "", " ", " ", "-"]).join(groups)

    def iban(self) -> str:
        country = self.draw.choice(sorted(BANKS))
        body = self.filled(BANKS[country])
        check = 98 - int("".join(str(int(one, 36)) for one in body + country + "00")) % 97
        number = f"{country}{check:02}{body}"
        grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        return self.draw.choice([*[grouped] * 10, *[number] * 9, number.lower()])

    def address(self) -> str:
        fake, draw = self.fakers["en_US"], self.draw
        if draw.random() < 0.55:
            return fake.ipv4_public() if draw.random() < 0.75 else fake.ipv4_private()
        groups = fake.ipv6().split(":")
        at = draw.randint(2, 6)
        short = ":".join(groups[:at]) + "::" + ":".join(groups[at + draw.randint(1, 7 - at) :] or ["1"])
        return draw.choice([":".join(groups), short])

    def wallet(self) -> str:
        ethereum = "0x" + "".join(self.draw.choices("0123456789abcdefABCDEF", k=40))
        return self.draw.choice([self._base58(), self._bech32(), ethereum])

    def _base58(self) -> str:
        raw = self.draw.choice([b"\x00", b"\x05"]) + self.draw.randbytes(20)
        raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
        number, text = int.from_bytes(raw), ""
        while number:
            number, rest = divmod(number, 58)
            text = BASE58[rest] + text
        return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text

    def _bech32(self) -> str:
        """BIP 173 and 350."""
        taproot = self.draw.random() < 0.4
        data = [int(taproot), *self.draw.choices(range(32), k=52 if taproot else 32)]
        check = polymod([3, 3, 0, 2, 3, *data, *[0] * 6]) ^ (0x2BC830A3 if taproot else 1)
        data += [(check >> 5 * (5 - at)) & 31 for at in range(6)]
        return "bc1" + "".join(BECH32[one] for one in data)

    def birth(self, locale: str) -> str:
        day = self.fakers[locale].date_of_birth(minimum_age=18, maximum_age=95)
        short = f"{day:%m/%d/%Y}" if locale in {"en_US", "en_CA"} else f"{day:%d/%m/%Y}"
        long = [f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%B} {day.year}", f"{day.day} {day:%b} {day.year}"]
        return self.draw.choice([day.isoformat(), short, f"{day:%d.%m.%Y}", f"{day:%d-%m-%Y}", *long])


def luhn_digit(body: str) -> str:
    """ISO/IEC 7812-1."""
    doubled = (int(one) * (2 - place % 2) for place, one in enumerate(reversed(body)))
    return str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if (top >> at) & 1 else 0
    return check


Number = Callable[[Maker], str]


def by_trial(module: str, form: str, cuts: tuple[int, ...] = (), mark: str = " ") -> Number:
    """Numbers of this form that python-stdnum calls valid, cut here or there by a mark, or not cut."""

    def make(maker: Maker) -> str:
        known = importlib.import_module(f"stdnum.{module}")
        while not known.is_valid(number := maker.filled(form)):
            pass
        groups = [number[low:high] for low, high in zip((0, *cuts), (*cuts, len(number)), strict=True)]
        return maker.draw.choice([mark, ""]).join(groups)

    return make


def dated(module: str, tail: str, head: str = "%y%m%d") -> Number:
    """The same for numbers that begin with a day of birth."""

    def make(maker: Maker) -> str:
        known = importlib.import_module(f"stdnum.{module}")
        while True:
            day = maker.fakers["en_US"].date_of_birth(minimum_age=26, maximum_age=80)
            number = day.strftime(head) + maker.filled(tail)
            if known.is_valid(number):
                return number

    return make


NATIONAL: dict[str, tuple[str, Number]] = {
    "GB": ("NHS number", by_trial("gb.nhs", "D10", (3, 6))),
    "CA": ("SIN", by_trial("ca.sin", "D9", (3, 6))),
    "AU": ("TFN", by_trial("au.tfn", "D9", (3, 6))),
    "IN": ("Aadhaar", by_trial("in_.aadhaar", "D12", (4, 8))),
    "DE": ("Steuer-ID", by_trial("de.idnr", "D11")),
    "FR": ("numéro de sécurité sociale", dated("fr.nir", "D10", "2%y%m")),
    "ES": ("DNI", by_trial("es.nif", "D8A")),
    "IT": ("codice fiscale", by_trial("it.codicefiscale", "A6D2HD2AD3A")),
    "BR": ("CPF", by_trial("br.cpf", "D11")),
    "NL": ("BSN", by_trial("nl.bsn", "D9")),
    "BE": ("rijksregisternummer", dated("be.nn", "D5")),
    "PL": ("PESEL", dated("pl.pesel", "D5")),
    "CZ": ("rodné číslo", dated("cz.rc", "D4", "%y%m%d/")),
    "SE": ("personnummer", dated("se.personnummer", "D4", "%y%m%d-")),
    "NO": ("fødselsnummer", dated("no.fodselsnummer", "D5", "%d%m%y")),
    "DK": ("CPR", dated("dk.cpr", "D4", "%d%m%y-")),
    "FI": ("henkilötunnus", dated("fi.hetu", "D3A", "%d%m%y-")),
    "RO": ("CNP", dated("ro.cnp", "D6", "1%y%m%d")),
    "TR": ("TC Kimlik No", by_trial("tr.tckimlik", "D11")),
    "KR": ("RRN", dated("kr.rrn", "D7", "%y%m%d-")),
    "CN": ("身份证号", dated("cn.ric", "D4", "110101%Y%m%d")),
    "CH": ("AHV", dated("ch.ssn", "D10", "756")),
    "PT": ("NIF", by_trial("pt.nif", "2D8")),
    "MX": ("CURP", dated("mx.curp", "D2", "GAMA%y%m%dHDFRLX")),
    "CL": ("RUT", by_trial("cl.rut", "1D8", (8,), "-")),
}
"""By country: what the number is called, and how it is made."""


def made(maker: Maker, each: int) -> Iterator[tuple[str, str, str]]:
    """Type, value and what its label depends on: so many of each locale, and of each type that knows no locale."""
    for locale in LOCALES:
        for _ in range(each):
            number, international = maker.phone(locale)
            yield "EMAIL", maker.email(locale), ""
            yield "PHONE", number, "" if international else locale
            yield "DOB", maker.birth(locale), locale
            if locale[-2:] in NATIONAL:
                name, make = NATIONAL[locale[-2:]]
                yield "NATIONAL_ID", make(maker), name
    for _ in range(each * 16):
        yield from _alike_everywhere(maker)


def _alike_everywhere(maker: Maker) -> Iterator[tuple[str, str, str]]:
    draw, american = maker.draw, maker.fakers["en_US"]
    ssn, provider = american.ssn(), draw.choice("12") + maker.digits(8)
    yield "CREDIT_CARD", maker.card(), ""
    yield "IBAN", maker.iban(), ""
    yield "IP", maker.address(), ""
    yield "CRYPTO", maker.wallet(), ""
    yield "US_SSN", draw.choice([ssn, ssn, ssn.replace("-", " "), ssn.replace("-", "")]), ""
    yield "US_SSN", american.itin(), "ITIN"
    yield "PASSPORT", maker.filled(draw.choice(PASSPORTS)), ""
    yield "US_DL", maker.filled(draw.choice(LICENCES)), ""
    yield "MRN", draw.choice(["", "", "MRN-", "A"]) + maker.digits(draw.randint(6, 10)), ""
    yield "NPI", provider + luhn_digit("80840" + provider), ""
    yield "BANK_ACCOUNT", maker.digits(draw.randint(8, 12)), ""
    yield "ABA", american.aba(), ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--each", type=int, default=8)
    options = parser.parse_args()
    maker = Maker(options.seed)
    for kind, value, label in made(maker, options.each):
        print(json.dumps(put(kind, value, label, maker.draw)))
    for text in harmless(maker.draw, options.each * 6):
        print(json.dumps({"text": text, "spans": [], "set": "hard_negatives"}))


if __name__ == "__main__":
    main()
