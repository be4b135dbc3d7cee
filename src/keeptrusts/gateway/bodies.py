"""Request bodies that arrive packed: `gzip` and `deflate` are unpacked under a bound, everything else is refused."""

from __future__ import annotations

import zlib
from typing import Final

from keeptrusts.core.errors import InputError

_WBITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class UnsupportedEncodingError(InputError):
    """A `content-encoding` that we do not read."""

    code = "unsupported_encoding"


def unpack(body: bytes, encoding: str, max_bytes: int) -> bytes | None:
    """
    The body as it was before it was packed; None when that has more than `max_bytes`.

    Raises:
        UnsupportedEncodingError: Another encoding, or several.
        InputError: The body is not of this encoding, or ends early.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _WBITS:
        raise UnsupportedEncodingError("`content-encoding` may be `gzip`, `deflate` or absent")
    unpacker = zlib.decompressobj(wbits=_WBITS[name])
    try:
        plain = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise InputError(f"the body is not `{name}`", code="bad_content_encoding") from None
    if len(plain) > max_bytes:
        return None
    if not unpacker.eof or unpacker.unused_data:
        raise InputError(f"the `{name}` body does not end where it should", code="bad_content_encoding")
    return plain
