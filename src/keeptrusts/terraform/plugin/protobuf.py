"""
The part of protobuf (proto3) that the plugin protocol uses: messages are declared once and read and written as dicts.

A field that is absent or has its default is left out of a decoded dict and out of the bytes alike.
"""

from __future__ import annotations

from keeptrusts.terraform.plugin import msgpack, recent
from keeptrusts.terraform.plugin.values import Json, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
DEEPEST = 100


class Field:
    """
    One field of a message.

    Args:
        oneof: Its presence means something, so its default is written too.
        many: It repeats; the value is a list.
        keyed: A map from text to messages; the value is a dict.
    """

    __slots__ = ("keyed", "kind", "many", "message", "number", "oneof")

    def __init__(
        self,
        number: int,
        kind: str,
        message: Message | None = None,
        *,
        oneof: bool = False,
        many: bool = False,
        keyed: bool = False,
    ) -> None:
        self.number = number
        self.kind = kind
        self.message = message
        self.oneof = oneof
        self.many = many
        self.keyed = keyed


def text(number: int, *, oneof: bool = False) -> Field:
    return Field(number, "text", oneof=oneof)


def data(number: int) -> Field:
    return Field(number, "data")


def integer(number: int, *, oneof: bool = False) -> Field:
    """int64, or an enum."""
    return Field(number, "integer", oneof=oneof)


def flag(number: int) -> Field:
    return Field(number, "flag")


def dynamic(number: int) -> Field:
    """A `DynamicValue`: the dict holds the value itself, `None` being Terraform's null."""
    return Field(number, "dynamic")


def dynamics(number: int) -> Field:
    """Several of them."""
    return Field(number, "dynamic", many=True)


def one(number: int, message: Message) -> Field:
    return Field(number, "message", message)


def many(number: int, message: Message) -> Field:
    return Field(number, "message", message, many=True)


def keyed(number: int, message: Message) -> Field:
    return Field(number, "message", message, keyed=True)


class Message:
    """A declared message: `Message(name=text(1), steps=many(2, STEP))`."""

    __slots__ = ("by_number", "fields")

    def __init__(self, **fields: Field) -> None:
        self.fields = fields
        self.by_number = {field.number: (name, field) for name, field in fields.items()}

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """
        Raises:
            KeyError: A name that the message does not have.
        """
        out = bytearray()
        for name, value in values.items():
            _write_field(self.fields[name], value, out)
        return bytes(out)

    def decode(self, raw: bytes, depth: int = 0) -> dict[str, Any]:
        """
        Fields we do not know are passed over: a newer Terraform may send some.

        Raises:
            WireError: It is no protobuf, or a field is not of its type.
        """
        if depth > DEEPEST:
            raise WireError("protobuf that is nested too deep")
        found: dict[str, Any] = {}
        at = 0
        while at < len(raw):
            tag, at = read_varint(raw, at)
            value, at = _read_raw(raw, at, tag & 7)
            known = self.by_number.get(tag >> 3)
            if known is not None:
                _keep(found, known[0], known[1], _read_field(known[1], value, depth))
        return found


_ENTRY_KEY = 1
_ENTRY_VALUE = 2
_DYNAMIC = Message(msgpack=data(1), json=data(2))


def read_varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise WireError("a varint ends early or is too long")
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7


def _read_raw(raw: bytes, at: int, wire: int) -> tuple[int | bytes, int]:
    if wire == _VARINT:
        return read_varint(raw, at)
    if wire == _DELIMITED:
        size, at = read_varint(raw, at)
    elif wire in (_FIXED32, _FIXED64):
        size = 4 if wire == _FIXED32 else 8
    else:
        raise WireError(f"protobuf has no wire type {wire}")
    if at + size > len(raw):
        raise WireError("protobuf ends early")
    return raw[at : at + size], at + size


def _read_field(field: Field, value: int | bytes, depth: int) -> Any:
    if isinstance(value, int):
        if field.kind == "flag":
            return value != 0
        if field.kind != "integer":
            raise WireError("a number where there must be none")
        return value - (1 << 64) if value >> 63 else value
    match field.kind:
        case "text":
            return _as_text(value)
        case "data":
            return value
        case "dynamic":
            return _read_dynamic(value)
        case "message":
            return _read_entry(field, value, depth) if field.keyed else _of(field).decode(value, depth + 1)
        case _:
            raise WireError("bytes where there must be a number")


def _as_text(value: bytes) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise WireError("text that is not UTF-8") from None


def _read_dynamic(value: bytes) -> Any:
    found = recent.decoded(value)
    if found is None:
        found = _decode_dynamic(_DYNAMIC.decode(value))
        recent.keep(value, found)
    return found


def _decode_dynamic(held: dict[str, Any]) -> Any:
    if held.get("msgpack"):
        return msgpack.decode(held["msgpack"])
    if held.get("json"):
        import json

        try:
            return json.loads(held["json"])
        except (ValueError, RecursionError):
            raise WireError("JSON that is none, or is nested too deep") from None
    return None


def _read_entry(field: Field, value: bytes, depth: int) -> tuple[str, Any]:
    entry = Message(key=text(_ENTRY_KEY), value=one(_ENTRY_VALUE, _of(field))).decode(value, depth)
    return entry.get("key", ""), entry.get("value", {})


def _keep(found: dict[str, Any], name: str, field: Field, value: Any) -> None:
    if field.many:
        found.setdefault(name, []).append(value)
    elif field.keyed:
        found.setdefault(name, {})[value[0]] = value[1]
    else:
        found[name] = value


def _of(field: Field) -> Message:
    assert field.message is not None
    return field.message


def _write_varint(value: int, out: bytearray) -> None:
    if value < 0:
        value += 1 << 64
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _write_delimited(number: int, raw: bytes, out: bytearray) -> None:
    _write_varint(number << 3 | _DELIMITED, out)
    _write_varint(len(raw), out)
    out += raw


def _write_field(field: Field, value: Any, out: bytearray) -> None:
    if field.kind == "dynamic":
        for held in value if field.many else (value,):
            _write_delimited(field.number, _encode_dynamic(held), out)
    elif value is None:
        return
    elif field.many:
        for item in value:
            _write_delimited(field.number, _of(field).encode(item), out)
    elif field.keyed:
        for key, item in value.items():
            entry = bytearray()
            _write_delimited(_ENTRY_KEY, key.encode(), entry)
            _write_delimited(_ENTRY_VALUE, _of(field).encode(item), entry)
            _write_delimited(field.number, bytes(entry), out)
    else:
        _write_single(field, value, out)


def _encode_dynamic(value: Any) -> bytes:
    if isinstance(value, Json):
        return _DYNAMIC.encode({"json": value})
    return recent.encoded_as(value) or _DYNAMIC.encode({"msgpack": msgpack.encode(value)})


def _write_single(field: Field, value: Any, out: bytearray) -> None:
    if field.kind == "message":
        _write_delimited(field.number, _of(field).encode(value), out)
    elif value or field.oneof:
        if field.kind in ("integer", "flag"):
            _write_varint(field.number << 3 | _VARINT, out)
            _write_varint(int(value), out)
        else:
            _write_delimited(field.number, value.encode() if field.kind == "text" else value, out)
