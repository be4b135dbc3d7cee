"""
Which telephone numbers can have been assigned: the numbering plans of `phonenumbers`, asked through RE2.

Its own parser takes hundreds of microseconds where many countries and lengths are to be tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.detect.numbers import prefixes

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

_SHORTEST: Final = 7
_NATIONAL: Final = (
    *("GB", "DE", "FR", "IT", "AU", "NL", "BE", "CH", "AT", "SE", "JP", "IN", "ZA", "FI", "KR", "TW", "TR"),
    *("PH", "NZ", "IE", "RO", "UA", "IL", "ID", "EG", "PK", "NG", "KE", "MY", "TH", "VN", "HU", "BR"),
)
"""Countries that write their own numbers with a zero or with brackets in front."""
_LONG, _GROUPS = 10, 4
"""Digits, or groups, of a number that is told by how it is written: shorter ones are anything."""
_EXTENSION: Final = re.compile(r" ?(?:x|ext\.? ?)\d{1,5}\Z")
_APART: Final = frozenset(" .-(")
_GROUP: Final = re.compile(r"\d+")
_GROUP_PATTERN: Final = re.compile(r"\((\\d(?:\{[\d,]+\})?)\)")
_TYPES: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


def international_phone(text: str) -> int:
    """
    A number behind `+` or `00` and its country code; a zero between the two may stand there and is not dialled.

    Where `+` or what follows the code sets it apart, a number of a length that the country has is enough.
    """
    number = _EXTENSION.sub("", text)
    end = _international(number)
    return len(text) if end == len(number) else end


def _international(text: str) -> int:
    told = "+" in text[:2]
    skipped = 0 if told else 2
    if skipped and _is_article(text):
        return 0
    for digits, end in prefixes(text):
        number = digits[skipped:]
        if len(number) < _SHORTEST:
            return 0
        code = _code_of(number)
        rest = number[len(code) :]
        forms = (rest, rest.removeprefix("0"))
        if code and any(_assigned(code, one) for one in forms):
            return end
        apart = told or text[2 + len(code) :][:1] in _APART
        if code and apart and len(number) >= _LONG and any(len(one) in _lengths(code) for one in forms):
            return end
    return 0


def _is_article(text: str) -> bool:
    """An article number (GTIN-13 or 14) by its check digit: those of America begin with zeros."""
    if not text.isdigit() or len(text) not in {13, 14}:
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    return total % 10 == 0


def national_phone(text: str) -> int:
    """A number that is valid in a country that writes its numbers so, in the groups that this country uses."""
    for digits, end in prefixes(text):
        if len(digits) < _LONG and len(_GROUP.findall(text[:end])) < _GROUPS:
            return 0
        both = f"{digits}\n{text[:end]}"
        for plan, forms in _countries():
            numbers = plan.get(len(digits))
            if numbers and _is_whole(forms, both) and _is_whole(numbers, digits):
                return end
    return 0


def _is_whole(plan: Regex, digits: str) -> bool:
    return plan.match(digits.encode(), 0, len(digits)) is not None


@cache
def _codes() -> Mapping[str, tuple[str, ...]]:
    """Country code to its regions."""
    import phonenumbers

    return {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}


def _code_of(number: str) -> str:
    """The country code that a number begins with; none is the beginning of another (ITU-T E.164)."""
    return next((number[:size] for size in (1, 2, 3) if number[:size] in _codes()), "")


def _assigned(code: str, number: str) -> bool:
    plan = _plan(code).get(len(number))
    return plan is not None and _is_whole(plan, number)


@cache
def _lengths(code: str) -> frozenset[int]:
    """Of the national numbers of a country code, of whatever type."""
    return frozenset(_plan(code))


@cache
def _plan(code: str) -> Mapping[int, Regex]:
    """What the numbers of a country code look like, by their length."""
    import phonenumbers

    metadata = (
        phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region) for region in _codes()[code]
    )
    return _by_length(shape for one in metadata if one for shape in _shapes(one, ""))


@cache
def _countries() -> Sequence[tuple[Mapping[int, Regex], Regex]]:
    """Of each country its numbers by their length, and how it writes them."""
    import phonenumbers

    from keeptrusts.detect.engine import compile_regex

    known = filter(None, map(phonenumbers.PhoneMetadata.metadata_for_region, _NATIONAL))
    return [
        (
            _by_length(shape for prefix in {one.national_prefix or "", ""} for shape in _shapes(one, prefix)),
            compile_regex(r"(?:" + "|".join(dict.fromkeys(_forms(one))) + r")\z"),
        )
        for one in known
    ]


def _forms(metadata: Any) -> Iterator[str]:
    """
    Patterns of a number's digits, a line break, and the number as a country writes it.

    The first digits say which groups it has. The first group may stand in brackets.
    """
    prefix = metadata.national_prefix or ""
    for form in metadata.number_format:
        groups = _GROUP_PATTERN.findall(form.pattern)
        if len(groups) < 2 or not re.fullmatch(r"\\1(?:[ -]\\\d)+", form.format):
            continue
        rule = form.national_prefix_formatting_rule or r"\1"
        first = rule.strip("()").replace(r"\1", groups[0])
        marks = re.findall("[ -]", form.format)
        rest = "".join(
            ("-" if mark == "-" else "[ .]" if at else "[ ./-]") + group
            for at, (mark, group) in enumerate(zip(marks, groups[1:], strict=True))
        )
        leads = form.leading_digits_pattern
        lead = f"(?:{leads[-1]})" if leads else ""
        dialled = prefix if rule.strip("()").startswith(prefix) else ""
        yield rf"{dialled}{lead}\d*\n(?:\({first}\) ?|{first}){rest}"


def _shapes(metadata: Any, prefix: str) -> Iterator[tuple[int, str]]:
    """Lengths and patterns of one country, of each type of number that it has."""
    for name in _TYPES:
        form = getattr(metadata, name)
        if form is not None and form.national_number_pattern:
            for length in form.possible_length or metadata.general_desc.possible_length:
                yield length + len(prefix), f"{prefix}(?:{form.national_number_pattern})"


def _by_length(shapes: Iterable[tuple[int, str]]) -> Mapping[int, Regex]:
    from keeptrusts.detect.engine import compile_regex

    patterns: dict[int, list[str]] = {}
    for length, pattern in shapes:
        patterns.setdefault(length, []).append(pattern)
    return {
        length: compile_regex(r"(?:" + "|".join(dict.fromkeys(found)) + r")\z") for length, found in patterns.items()
    }
