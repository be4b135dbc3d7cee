"""
Canonical JSON (RFC 8785, JSON Canonicalization Scheme) and digests over it.

Only what our records hold: objects, arrays, text, booleans, null, integers within +-(2^53-1), finite floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

_SAFE = 2**53 - 1
_LITERALS = {None: "null", True: "true", False: "false"}
_text = encode_basestring


def canonical_json(value: Any) -> bytes:
    """
    The one byte string that stands for this value.

    Raises:
        ValueError: An integer beyond 2^53-1, NaN, an infinity, or text with a lone surrogate.
        TypeError: A type that JSON does not have.
    """
    pieces: list[str] = []
    _write(value, pieces.append)
    return "".join(pieces).encode("utf-8")


def digest(value: Any) -> str:
    """`sha256:` and the hexadecimal SHA-256 of the canonical form."""
    import hashlib  # takes 2 ms, and a plan of Terraform that only lints needs none

    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def _write(value: Any, put: Callable[[str], None]) -> None:
    # Plain branches, most frequent first: every record of a gateway passes here.
    if isinstance(value, str):
        put(_text(value))
    elif value is None or isinstance(value, bool):
        put(_LITERALS[value])
    elif isinstance(value, int):
        put(_integer(value))
    elif isinstance(value, dict):
        _write_members(value, put)
    elif isinstance(value, list | tuple):
        _write_items(value, put)
    elif isinstance(value, float):
        put(_number(value))
    else:
        raise TypeError(f"`{type(value).__name__}` has no canonical form")


def _integer(value: int) -> str:
    if not -_SAFE <= value <= _SAFE:
        raise ValueError("an integer beyond 2^53-1 has no canonical form")
    return str(value)


def _write_items(values: Sequence[Any], put: Callable[[str], None]) -> None:
    separator = "["
    for item in values:
        put(separator)
        _write(item, put)
        separator = ","
    put("]" if values else "[]")


def _write_members(value: dict[Any, Any], put: Callable[[str], None]) -> None:
    separator = "{"
    for name, written in _members(tuple(value)):
        member = value[name]
        # Most members of a record are text or null; a call for each of them would cost more than writing it.
        if type(member) is str:
            put(separator + written + _text(member))
        elif member is None:
            put(separator + written + "null")
        else:
            put(separator + written)
            _write(member, put)
        separator = ","
    put("}" if value else "{}")


@lru_cache(maxsize=512)
def _members(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each name and how it is written, in order (RFC 8785, 3.2.3: by UTF-16 code units). Records have few shapes."""
    return tuple((name, _text(name) + ":") for name in sorted(names, key=_utf16))


def _utf16(name: object) -> bytes:
    if not isinstance(name, str):
        raise TypeError("a member name is text")
    return name.encode("utf-16-be")


def _number(value: float) -> str:
    """ECMAScript's Number.prototype.toString (ECMA-262, 6.1.6.1.20), from Python's shortest digits."""
    if not math.isfinite(value):
        raise ValueError("NaN and infinities have no canonical form")
    if value == 0:
        return "0"
    shortest = repr(abs(value))
    digits = "".join(ch for ch in shortest.partition("e")[0] if ch.isdigit()).strip("0")
    point = _point(abs(value))
    sign = "-" if value < 0 else ""
    return sign + _layout(digits, point)


def _point(value: float) -> int:
    """`n` such that value = 0.digits x 10^n."""
    shortest = repr(value)
    mantissa, _, exponent = shortest.partition("e")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or 0)
    if whole.strip("0"):
        return len(whole.lstrip("0")) + shift
    return shift - (len(fraction) - len(fraction.lstrip("0")))


def _layout(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    power = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{tail}e{'+' if power >= 0 else '-'}{abs(power)}"
