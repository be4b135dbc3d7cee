"""RFC 8785: one byte string for one value."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.canonical import canonical_json, digest

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        # RFC 8785, appendix B
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.33333325, "333333333.33333325"),
        (1424953923781206.2, "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_ecmascript_writes_them(number: float, text: str) -> None:
    """The vectors of RFC 8785, appendix B."""
    assert canonical_json(number) == text.encode()


def test_members_are_sorted_by_utf16_code_units() -> None:
    """The sorting example of RFC 8785, section 3.2.3: a surrogate pair sorts before a high BMP character."""
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}

    order = [pair[0] for pair in json.loads(canonical_json(value), object_pairs_hook=list)]

    assert order == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(JSON)
def test_the_form_reads_back_as_the_value(value: Any) -> None:
    """Nothing is lost and no white space is added."""
    form = canonical_json(value)

    assert json.loads(form, parse_int=float) == value
    assert canonical_json(json.loads(form, parse_int=float)) == form


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2, max_size=6), st.randoms())
def test_the_order_of_members_does_not_matter(value: dict[str, int], random: Any) -> None:
    """Two equal objects have one digest."""
    pairs = list(value.items())
    random.shuffle(pairs)

    assert digest(dict(pairs)) == digest(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), math.nan, math.inf, "\ud800"])
def test_what_has_no_form_is_refused(value: Any) -> None:
    """An integer that a double cannot hold, NaN, an infinity, a lone surrogate."""
    with pytest.raises(ValueError, match=r"canonical|surrogates"):
        canonical_json(value)


@pytest.mark.parametrize("value", [{1: 2}, b"bytes", {1, 2}])
def test_types_that_json_lacks_are_refused(value: Any) -> None:
    """A member name that is not text, bytes, a set."""
    with pytest.raises(TypeError):
        canonical_json(value)
