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
    reader = _Reader(data)
    try:
        value = reader.value(0)
    except (IndexError, UnicodeDecodeError):
        raise WireError("the value is truncated or not UTF-8") from None
    if reader.at != len(data):
        raise WireError("bytes after the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise WireError("the value is nested too deep")
        tag = self._data[self.at]
        self.at += 1
        if tag < 0x80:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if tag < 0xA0:
            return self._map(tag & 15, depth) if tag < 0x90 else self._array(tag & 15, depth)
        if tag < 0xC0:
            return self._text(tag & 31)
        return self._tagged(tag, depth)

    def _tagged(self, tag: int, depth: int) -> Any:
        match tag:
            case 0xC0:
                return None
            case 0xC2 | 0xC3:
                return tag == 0xC3
            case 0xD9 | 0xDA | 0xDB:
                return self._text(self._size(tag - 0xD9))
            case 0xDC | 0xDD:
                return self._array(self._size(tag - 0xDC + 1), depth)
            case 0xDE | 0xDF:
                return self._map(self._size(tag - 0xDE + 1), depth)
            case _:
                return self._scalar(tag)

    def _scalar(self, tag: int) -> Any:
        if 0xCC <= tag <= 0xD3:
            return int.from_bytes(self._take(1 << (tag & 3)), "big", signed=tag >= 0xD0)
        if tag == 0xCB:
            return _DOUBLE.unpack(self._take(8))[0]
        if tag == 0xCA:
            return _FLOAT.unpack(self._take(4))[0]
        if 0xC4 <= tag <= 0xC6:
            return self._take(self._size(tag - 0xC4))
        return self._extension(tag)

    def _extension(self, tag: int) -> Unknown:
        # Whatever its code, an extension is an unknown value; refinements of it are hints we do without.
        if 0xD4 <= tag <= 0xD8:
            self._take(1 + (1 << (tag - 0xD4)))
        elif 0xC7 <= tag <= 0xC9:
            self._take(self._size(tag - 0xC7) + 1)
        else:
            raise WireError(f"a value begins with 0x{tag:02x}")
        return UNKNOWN

    def _size(self, power: int) -> int:
        return int.from_bytes(self._take(1 << power), "big")

    def _take(self, count: int) -> bytes:
        taken = self._data[self.at : self.at + count]
        if len(taken) < count:
            raise IndexError
        self.at += count
        return taken

    def _text(self, count: int) -> str:
        return str(self._take(count), "utf-8")

    def _array(self, count: int, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(count)]

    def _map(self, count: int, depth: int) -> dict[Any, Any]:
        found = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise WireError("a key is not text")
            found[key] = self.value(depth + 1)
        return found


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
    match value:
        case dict():
            _write_head(len(value), 0x80, 0xDE, out)
            for key, member in value.items():
                _write_text(key, out)
                _write(member, out)
        case list() | tuple():
            _write_head(len(value), 0x90, 0xDC, out)
            for item in value:
                _write(item, out)
        case str():
            _write_text(value, out)
        case _:
            _write_scalar(value, out)


def _write_scalar(value: Any, out: bytearray) -> None:
    match value:
        case None:
            out.append(0xC0)
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
