"""Packed bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest

from keeptrusts.core.errors import InputError
from keeptrusts.gateway.bodies import UnsupportedEncodingError, unpack


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"hello", "identity"),
        (b"hello", ""),
        (gzip.compress(b"hello", mtime=0), "gzip"),
        (gzip.compress(b"hello", mtime=0), " GZip "),
        (zlib.compress(b"hello"), "deflate"),
    ],
)
def test_body_is_unpacked(packed: bytes, encoding: str) -> None:
    """`gzip` and `deflate` are read."""
    assert unpack(packed, encoding, 5) == b"hello"


def test_bomb_is_not_unpacked() -> None:
    """One byte over the limit and nothing comes of it; a gigabyte is never made."""
    assert unpack(gzip.compress(b"hello!", mtime=0), "gzip", 5) is None
    assert unpack(gzip.compress(bytes(50_000_000)), "gzip", 1000) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_refused(encoding: str) -> None:
    """What we cannot scan is not passed on."""
    with pytest.raises(UnsupportedEncodingError):
        unpack(b"x", encoding, 100)


@pytest.mark.parametrize(
    "packed", [b"not gzip", gzip.compress(b"hello", mtime=0)[:-4], gzip.compress(b"a", mtime=0) + b"tail"]
)
def test_broken_packing_is_refused(packed: bytes) -> None:
    """Cut short, or with something behind it that nobody would scan."""
    with pytest.raises(InputError) as refused:
        unpack(packed, "gzip", 100)

    assert refused.value.code == "bad_content_encoding"
