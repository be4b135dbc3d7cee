"""Checks of numbers that carry their own proof. Each says how many characters of the matched text are accepted."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from functools import cache
from typing import Final

from keeptrusts.detect.scan import Check

_IBAN_COUNTRIES: Final = {
    15: "NO",
    16: "BE",
    18: "DKFIFOGLNLSD",
    19: "MKSI",
    20: "ATBAEEKZLTLUMNXK",
    21: "CHHRLILV",
    22: "BGBHCRDEGBGEIEMERSVA",
    23: "AEGIILIQOMSOTL",
    24: "ADCZESMDPKROSASESKTNVG",
    25: "LYPTST",
    26: "ISTR",
    27: "BIDJFRGRITMCMRSM",
    28: "ALAZBYCYDOGTHULBNIPLSV",
    29: "BREGPSQAUA",
    30: "JOKWMU",
    31: "MTSC",
    32: "LC",
    33: "RU",
}
"""Length to countries (SWIFT, IBAN registry)."""
_LETTERS_AS_NUMBERS: Final = {ord(letter): str(10 + place) for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_IBAN_LENGTHS: Final = {
    codes[at : at + 2]: length for length, codes in _IBAN_COUNTRIES.items() for at in range(0, len(codes), 2)
}


_VIN_VALUES: Final = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")
"""A digit to the digit sum of its double."""


def prefixes(text: str) -> Iterator[tuple[str, int]]:
    """The digits of each beginning of `text`, longest first, with its length; cut only between groups."""
    digits = "".join(filter(str.isdigit, text))
    ends = [end for end, letter in enumerate(text, 1) if letter.isdigit()]
    for count in range(len(ends), 0, -1):
        if count == len(ends) or ends[count] > ends[count - 1] + 1:
            yield digits[:count], ends[count - 1]


_CARD_SIZES: Final = frozenset(range(12, 20))


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    data = digits.encode()
    total = sum(data[-1::-2]) + sum(data[-2::-2].translate(_DOUBLED))
    return (total - ord("0") * len(data)) % 10 == 0


def card(text: str) -> int:
    """A payment card: a known issuer's range and length, and its check digit."""
    sizes = _card_sizes(text.replace(" ", "").replace("-", "")[:4])
    return _checked(text, sizes) if sizes else 0


def card_number(text: str) -> int:
    """What is called a card: the check digit alone, since issuers have more ranges than we know."""
    return _checked(text, _CARD_SIZES)


def _checked(text: str, sizes: frozenset[int]) -> int:
    for digits, end in prefixes(text):
        if len(digits) in sizes and len(set(digits)) > 1 and luhn(digits):
            return end
    return 0


@cache
def _card_sizes(head: str) -> frozenset[int]:
    """Lengths of the cards whose number begins with these four digits."""
    head2, head3, head4 = int(head[:2]), int(head[:3]), int(head)
    ranges = (
        (head[0] == "4", {13, 16, 19}),
        (51 <= head2 <= 55 or 2221 <= head4 <= 2720, {16}),
        (2200 <= head4 <= 2205, {16, 19}),
        (head2 in {34, 37}, {15}),
        (300 <= head3 <= 305 or head2 in {36, 38, 39} or head3 == 309, {14, 16, 19}),
        (head4 == 6011 or head2 == 65 or 644 <= head3 <= 649, {16, 19}),
        (head2 == 62, {16, 17, 18, 19}),
        (head2 == 35, {16, 19}),
        (head2 in {50, 56, 57, 58, 63, 67}, {16, 19}),
        (head2 in {60, 81, 82} or head4 == 9792, {16}),
        (head4 in {2131, 1800}, {15}),
    )
    return frozenset(size for known, sizes in ranges if known for size in sizes)


def iban(text: str) -> int:
    """ISO 13616: the length of its country and ISO 7064 MOD 97-10."""
    length = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    compact = text.replace(" ", "")[:length]
    if not length or len(compact) < length:
        return 0
    turned = (compact[4:] + compact[:4]).upper()
    if int(turned.translate(_LETTERS_AS_NUMBERS)) % 97 != 1:
        return 0
    end = length
    while (blanks := text.count(" ", 0, end)) != end - length:
        end = length + blanks
    return end


def ssn(text: str) -> int:
    """A number that the Social Security Administration can have issued."""
    digits = "".join(letter for letter in text if letter.isdigit())
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    sound = len(digits) == 9 and area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return len(text) if sound and len(set(digits)) > 1 and digits != "123456789" else 0


def bare_ssn(text: str) -> int:
    """The same without a label beside it: `404-` begins the code of an error far more often than a number."""
    return 0 if text.startswith("404") else ssn(text)


def itin(text: str) -> int:
    """A taxpayer number: 9xx, and a group of 50-65, 70-88, 90-92 or 94-99 (IRS)."""
    digits = "".join(letter for letter in text if letter.isdigit())
    group = int(digits[3:5])
    sound = digits[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 99) and group != 93
    return len(text) if sound else 0


def ipv4(text: str) -> int:
    """Four numbers to 255 without leading zeros; not a longer dotted number, not this host, not a mask."""
    octets = text.split(".")
    if len(octets) != 4 or any(int(one) > 255 or (one[0] == "0" and one != "0") for one in octets):
        return 0
    # Four single digits are a version or a section far more often than an address of a person.
    nobody = octets[0] in {"0", "127", "255"} or all(len(one) == 1 for one in octets)
    return 0 if nobody else len(text)


def ipv6(text: str) -> int:
    """RFC 4291 text with three groups or more."""
    kept = text.rstrip(".")
    kept = kept if kept.endswith("::") else kept.rstrip(":")
    groups = [group for group in kept.split(":") if group]
    if len(groups) < 3 or ("::" not in kept and len(groups) != (7 if "." in kept else 8)):
        return 0
    try:
        address = ipaddress.IPv6Address(kept)
    except ValueError:
        return 0
    return 0 if address.is_loopback else len(kept)


def aba(text: str) -> int:
    """The check digit of an ABA routing number."""
    weights = (3, 7, 1) * 3
    total = sum(int(digit) * weight for digit, weight in zip(text, weights, strict=True))
    return len(text) if total % 10 == 0 and text != "000000000" else 0


def npi(text: str) -> int:
    """A National Provider Identifier: Luhn over the prefix 80840 (45 CFR 162.406)."""
    return len(text) if luhn("80840" + text) else 0


def dea(text: str) -> int:
    """The check digit of a DEA registration number."""
    digits = [int(letter) for letter in text[2:]]
    total = sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])
    return len(text) if total % 10 == digits[6] else 0


def luhn_number(text: str) -> int:
    """Luhn over the digits of the text."""
    digits = "".join(letter for letter in text if letter.isdigit())
    return len(text) if luhn(digits) and len(set(digits)) > 1 else 0


def base58(text: str) -> int:
    """A Bitcoin address: base58 with four bytes of double SHA-256."""
    number = 0
    for letter in text:
        number = number * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(letter)
    if number >= 1 << 200:
        return 0
    raw = number.to_bytes(25, "big")
    proof = hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4]
    return len(text) if proof == raw[21:] else 0


def vin(text: str) -> int:
    """A vehicle identification number with its check digit (49 CFR 565.15)."""
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    values = (int(letter) if letter.isdigit() else _VIN_VALUES[letter] for letter in text)
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return len(text) if text[8] == ("X" if rest == 10 else str(rest)) and len(set(text)) > 1 else 0


def standard(module: str) -> Check:
    """A check by python-stdnum, imported when it is first needed. It stumbles over some numbers that are none."""

    def check(text: str) -> int:
        from importlib import import_module

        known = import_module(f"stdnum.{module}")
        try:
            return len(text) if known.is_valid(text) else 0
        except (LookupError, ValueError, TypeError, AttributeError):
            return 0

    return check


def digits_between(low: int, high: int) -> Check:
    """So many digits, whatever stands between them; not all the same."""

    def check(text: str) -> int:
        for digits, end in prefixes(text):
            if low <= len(digits) <= high and len(set(digits)) > 1:
                return end
        return 0

    return check


def has_digit(text: str) -> int:
    """An identifier holds a digit; a word does not."""
    return len(text) if any(letter.isdigit() for letter in text) else 0
