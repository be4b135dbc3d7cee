"""
Which telephone numbers can have been assigned: the numbering plans of `phonenumbers`, asked through RE2.

Its own parser takes hundreds of microseconds where many countries and lengths are to be tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.detect.numbers import prefixes

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

_SHORTEST: Final = 7
_NATIONAL: Final = ("GB", "DE", "FR", "IT", "AU", "NL", "BE", "CH", "AT", "SE", "JP", "IN", "ZA", "FI")
"""Countries that write their own numbers with a zero in front."""
_TYPES: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


def international_phone(text: str) -> int:
    """A number behind `+` or `00` and its country code; a zero between the two may stand there and is not dialled."""
    skipped = 0 if text.startswith("+") else 2
    for digits, end in prefixes(text):
        number = digits[skipped:]
        if len(number) < _SHORTEST:
            return 0
        code = _code_of(number)
        rest = number[len(code) :]
        if code and (_assigned(code, rest) or (rest.startswith("0") and _assigned(code, rest[1:]))):
            return end
    return 0


def national_phone(text: str) -> int:
    """A number with a trunk zero that is valid in one of the countries that write it so."""
    for digits, end in prefixes(text):
        if len(digits) < _SHORTEST:
            return 0
        plan = _national_plan().get(len(digits))
        if plan and _is_whole(plan, digits):
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
def _plan(code: str) -> Mapping[int, Regex]:
    """What the numbers of a country code look like, by their length."""
    import phonenumbers

    metadata = (
        phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region) for region in _codes()[code]
    )
    return _by_length(shape for one in metadata if one for shape in _shapes(one, ""))


@cache
def _national_plan() -> Mapping[int, Regex]:
    import phonenumbers

    metadata = (phonenumbers.PhoneMetadata.metadata_for_region(region) for region in _NATIONAL)
    return _by_length(shape for one in metadata if one for shape in _shapes(one, one.national_prefix or ""))


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
