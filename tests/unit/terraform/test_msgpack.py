"""The msgpack codec, beside the `msgpack` package."""

from __future__ import annotations

from typing import Any

import msgpack as theirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.terraform.plugin.msgpack import MAX_DEPTH, decode, encode
from keeptrusts.terraform.plugin.values import UNKNOWN, WireError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SCALARS = st.none() | st.booleans() | TEXT | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=20) | st.dictionaries(TEXT, inner, max_size=20), max_leaves=30
)


@given(VALUES)
@settings(deadline=None)
def test_what_we_write_they_read(value: Any) -> None:
    """Every value survives the way from our encoder to their decoder."""
    assert theirs.unpackb(encode(value), strict_map_key=True) == value


@given(VALUES)
@settings(deadline=None)
def test_what_they_write_we_read(value: Any) -> None:
    """And the other way."""
    assert decode(theirs.packb(value)) == value


@given(st.floats(width=32, allow_nan=False))
def test_a_float_of_32_bits(value: float) -> None:
    """A short float is read as exactly what it is."""
    assert decode(theirs.packb(value, use_single_float=True)) == value


@given(VALUES)
@settings(deadline=None)
def test_every_cut_is_refused(value: Any) -> None:
    """No beginning of a value is a value, and nothing may follow one."""
    raw = encode(value)
    for end in range(len(raw)) if len(raw) < 200 else (0, 1, len(raw) // 2, len(raw) - 1):
        with pytest.raises(WireError):
            decode(raw[:end])
    with pytest.raises(WireError):
        decode(raw + b"\xc0")


@given(st.binary(max_size=100))
@settings(max_examples=500, deadline=None)
def test_garbage_is_refused_or_read(raw: bytes) -> None:
    """Any bytes are a value or a `WireError`."""
    try:
        decode(raw)
    except WireError:
        return


@pytest.mark.parametrize("count", [15, 16, 31, 32, 255, 256, 65535, 65536])
def test_sizes_at_each_border(count: int) -> None:
    """The length of a text, a list and a map is written as theirs is, on both sides of each border."""
    for value in ("x" * count, list(range(count)), {str(n): None for n in range(count)}):
        assert theirs.unpackb(encode(value), max_array_len=1 << 20, max_map_len=1 << 20) == value
        assert decode(theirs.packb(value)) == value


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 16, 200, 300])
@pytest.mark.parametrize("code", [0, 12, 127])
def test_any_extension_is_unknown(code: int, size: int) -> None:
    """Whatever Terraform hints at an unknown value, it is just unknown."""
    raw = theirs.packb({"a": theirs.ExtType(code, bytes(size)), "b": 1})
    assert decode(raw) == {"a": UNKNOWN, "b": 1}


def test_unknown_is_an_extension() -> None:
    """What we do not know yet Terraform reads as unknown."""
    assert theirs.unpackb(encode([UNKNOWN])) == [theirs.ExtType(0, b"\x00")]


@pytest.mark.parametrize("number", [1 << 64, -(1 << 63) - 1, 10**30])
def test_a_number_beyond_64_bits_is_text(number: int) -> None:
    """As cty writes it."""
    assert theirs.unpackb(encode(number)) == str(number)


@pytest.mark.parametrize("raw", [b"\x81\x01\x01", b"\x81\xc0\x01", b"\x81\x90\x01", b"\xa1\xff", b"\xc1"])
def test_what_terraform_never_says(raw: bytes) -> None:
    """Keys are text, text is UTF-8, and one tag has no meaning."""
    with pytest.raises(WireError):
        decode(raw)


@pytest.mark.parametrize("tag", [b"\x91", b"\xdc\x00\x01", b"\xdd\x00\x00\x00\x01", b"\x81\xa1a", b"\xde\x00\x01\xa1a"])
def test_nesting_has_an_end(tag: bytes) -> None:
    """Deep nesting is refused before Python's own limit is."""
    assert decode(tag * MAX_DEPTH + b"\xc0") is not None
    with pytest.raises(WireError):
        decode(tag * (MAX_DEPTH + 1) + b"\xc0")
    with pytest.raises(WireError):
        decode(tag * 100_000 + b"\xc0")


@pytest.mark.parametrize(
    "raw", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff"]
)
def test_a_size_is_not_believed(raw: bytes) -> None:
    """Four thousand million members are not made room for before they are there."""
    with pytest.raises(WireError):
        decode(raw + b"\xc0" * 10)


def test_only_values_of_terraform_are_written() -> None:
    """A Python type that Terraform has no word for is a bug of ours."""
    with pytest.raises(TypeError, match="`bytes` is no value"):
        encode({"a": b"x"})


def test_unknown_is_neither_true_nor_false() -> None:
    """Code that forgets the unknown fails at once."""
    with pytest.raises(TypeError):
        bool(UNKNOWN)
    assert repr(UNKNOWN) == "UNKNOWN"
