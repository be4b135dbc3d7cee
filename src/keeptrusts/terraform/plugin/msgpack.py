"""
The msgpack that Terraform speaks (cty's rules): unknown values are extensions, large numbers arrive as text.

Source: docs/plugin-protocol/object-wire-format.md of Terraform.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from keeptrusts.terraform.plugin.values import UNKNOWN, Unknown, WireError

_DOUBLE = Struct(">d")
_FLOAT = Struct(">f")
MAX_DEPTH = 100


def decode(data: bytes) -> Any:
    """
    One value.

    Raises:
        WireError: Truncated, trailing bytes, nested deeper than 100, or not UTF-8.
    """
    try:
        value, at = _read(data, 0, 0)
    except (IndexError, UnicodeDecodeError):
        raise WireError("the value is truncated or not UTF-8") from None
    if at != len(data):
        raise WireError("bytes after the value")
    return value


Read = tuple[Any, int]
"""A value, and where it ends."""


def _read(data: bytes, at: int, depth: int) -> Read:
    """Texts are nearly all of what comes, so they are looked for first."""
    tag = data[at]
    at += 1
    if 0xA0 <= tag < 0xC0:
        return _read_text(data, at, tag & 31)
    if tag == 0xC0:
        return None, at
    if 0xD9 <= tag <= 0xDB:
        width = 1 << (tag - 0xD9)
        return _read_text(data, at + width, _size(data, at, width))
    if 0x80 <= tag < 0xA0:
        read = _read_map if tag < 0x90 else _read_array
        return read(data, at, tag & 15, depth)
    return _read_rare(data, at, tag, depth)


def _read_rare(data: bytes, at: int, tag: int, depth: int) -> Read:
    if tag < 0x80:
        return tag, at
    if tag >= 0xE0:
        return tag - 0x100, at
    if tag in (0xC2, 0xC3):
        return tag == 0xC3, at
    if 0xDC <= tag <= 0xDF:
        width = 2 << (tag & 1)
        read = _read_array if tag < 0xDE else _read_map
        return read(data, at + width, _size(data, at, width), depth)
    return _read_scalar(data, at, tag)


def _read_scalar(data: bytes, at: int, tag: int) -> Read:
    if 0xCC <= tag <= 0xD3:
        width = 1 << (tag & 3)
        return int.from_bytes(_take(data, at, width), "big", signed=tag >= 0xD0), at + width
    if tag == 0xCB:
        return _DOUBLE.unpack(_take(data, at, 8))[0], at + 8
    if tag == 0xCA:
        return _FLOAT.unpack(_take(data, at, 4))[0], at + 4
    if 0xC4 <= tag <= 0xC6:
        width = 1 << (tag - 0xC4)
        size = _size(data, at, width)
        return _take(data, at + width, size), at + width + size
    return _read_extension(data, at, tag)


def _read_extension(data: bytes, at: int, tag: int) -> Read:
    # Whatever its code, an extension is an unknown value; refinements of it are hints we do without.
    if 0xD4 <= tag <= 0xD8:
        size = 1 + (1 << (tag - 0xD4))
    elif 0xC7 <= tag <= 0xC9:
        width = 1 << (tag - 0xC7)
        size = _size(data, at, width) + 1
        at += width
    else:
        raise WireError(f"a value begins with 0x{tag:02x}")
    _take(data, at, size)
    return UNKNOWN, at + size


def _size(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_take(data, at, width), "big")


def _take(data: bytes, at: int, count: int) -> bytes:
    taken = data[at : at + count]
    if len(taken) < count:
        raise IndexError
    return taken


def _read_text(data: bytes, at: int, count: int) -> Read:
    taken = data[at : at + count]
    if len(taken) < count:
        raise IndexError
    return taken.decode(), at + count


def _read_array(data: bytes, at: int, count: int, depth: int) -> Read:
    _check_depth(count, depth)
    found = []
    for _ in range(count):
        value, at = _read(data, at, depth + 1)
        found.append(value)
    return found, at


def _read_map(data: bytes, at: int, count: int, depth: int) -> Read:
    _check_depth(count, depth)
    found = {}
    for _ in range(count):
        key, at = _read(data, at, depth + 1)
        if not isinstance(key, str):
            raise WireError("a key is not text")
        found[key], at = _read(data, at, depth + 1)
    return found, at


def _check_depth(count: int, depth: int) -> None:
    if count and depth >= MAX_DEPTH:
        raise WireError("the value is nested too deep")


def encode(value: Any) -> bytes:
    """
    One value.

    Raises:
        TypeError: A type that Terraform has no word for.
    """
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    if isinstance(value, str):
        _write_text(value, out)
    elif value is None:
        out.append(0xC0)
    elif isinstance(value, dict):
        _write_head(len(value), 0x80, 0xDE, out)
        for key, member in value.items():
            _write_text(key, out)
            _write(member, out)
    elif isinstance(value, list | tuple):
        _write_head(len(value), 0x90, 0xDC, out)
        for item in value:
            _write(item, out)
    else:
        _write_scalar(value, out)


def _write_scalar(value: Any, out: bytearray) -> None:
    match value:
        case bool():
            out.append(0xC3 if value else 0xC2)
        case int():
            _write_integer(value, out)
        case float():
            out += b"\xcb" + _DOUBLE.pack(value)
        case Unknown():
            out += b"\xd4\x00\x00"
        case _:
            raise TypeError(f"`{type(value).__name__}` is no value of Terraform")


def _write_head(count: int, small: int, large: int, out: bytearray) -> None:
    if count < 16:
        out.append(small | count)
    elif count < 0x10000:
        out += bytes((large,)) + count.to_bytes(2, "big")
    else:
        out += bytes((large + 1,)) + count.to_bytes(4, "big")


def _write_text(text: str, out: bytearray) -> None:
    raw = text.encode()
    count = len(raw)
    if count < 32:
        out.append(0xA0 | count)
    elif count < 0x100:
        out += bytes((0xD9, count))
    elif count < 0x10000:
        out += b"\xda" + count.to_bytes(2, "big")
    else:
        out += b"\xdb" + count.to_bytes(4, "big")
    out += raw


def _write_integer(value: int, out: bytearray) -> None:
    if 0 <= value < 0x80:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value + 0x100)
    elif 0 <= value < 1 << 64:
        out += b"\xcf" + value.to_bytes(8, "big")
    elif -(1 << 63) <= value < 0:
        out += b"\xd3" + value.to_bytes(8, "big", signed=True)
    else:
        _write_text(str(value), out)  # cty writes what 64 bits cannot hold as text
