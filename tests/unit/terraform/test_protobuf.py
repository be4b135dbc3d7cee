"""The protobuf codec, beside Google's, over every message that the provider declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.terraform.plugin import msgpack
from keeptrusts.terraform.plugin.messages import ANSWERS, REQUESTS
from keeptrusts.terraform.plugin.protobuf import Field, Message, read_varint
from keeptrusts.terraform.plugin.values import WireError

Proto = descriptor_pb2.FieldDescriptorProto
TYPES = {"text": Proto.TYPE_STRING, "data": Proto.TYPE_BYTES, "integer": Proto.TYPE_INT64, "flag": Proto.TYPE_BOOL}
DECLARED = {f"{name}.{way}": one for way, all_ in (("in", REQUESTS), ("out", ANSWERS)) for name, one in all_.items()}


class Twins:
    """The same messages as Google's library makes them from a descriptor."""

    def __init__(self) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(name="twins.proto", package="t", syntax="proto3")
        self._names: dict[int, str] = {}
        dynamic = self._file.message_type.add(name="Dynamic")
        for number, name in ((1, "msgpack"), (2, "json")):
            dynamic.field.add(name=name, number=number, type=Proto.TYPE_BYTES, label=Proto.LABEL_OPTIONAL)
        for message in DECLARED.values():
            self._declare(message)
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.Add(self._file)

    def of(self, message: Message) -> Any:
        """Google's class."""
        found = self._pool.FindMessageTypeByName(f"t.{self._names[id(message)]}")
        return message_factory.GetMessageClass(found)

    def _declare(self, message: Message) -> str:
        if id(message) in self._names:
            return self._names[id(message)]
        name = self._names[id(message)] = f"M{len(self._names)}"
        twin = descriptor_pb2.DescriptorProto(name=name)
        for field_name, field in message.fields.items():
            self._field(twin, field_name, field)
        self._file.message_type.append(twin)
        return name

    def _field(self, twin: descriptor_pb2.DescriptorProto, name: str, field: Field) -> None:
        repeated = field.many or field.keyed
        label = Proto.LABEL_REPEATED if repeated else Proto.LABEL_OPTIONAL
        added = twin.field.add(name=name, number=field.number, label=label)
        if field.kind == "dynamic":
            added.type, added.type_name = Proto.TYPE_MESSAGE, ".t.Dynamic"
        elif field.message is None:
            added.type = TYPES[field.kind]
        else:
            added.type, added.type_name = Proto.TYPE_MESSAGE, f".t.{self._declare(field.message)}"
            if field.keyed:
                entry = twin.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, type=Proto.TYPE_STRING, label=Proto.LABEL_OPTIONAL)
                entry.field.add(name="value", number=2, type=added.type, type_name=added.type_name, label=1)
                added.type_name = f".t.{twin.name}.{entry.name}"
        if field.oneof:
            if not twin.oneof_decl:
                twin.oneof_decl.add(name="choice")
            added.oneof_index = 0


TWINS = Twins()
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    "data": st.binary(max_size=200),
    "integer": st.integers(-(1 << 63), (1 << 63) - 1),
    "flag": st.booleans(),
    "dynamic": st.none() | st.dictionaries(st.text("ab", max_size=2), st.integers(0, 9) | st.text("xy"), max_size=3),
}


def values(message: Message) -> st.SearchStrategy[dict[str, Any]]:
    """What such a message may hold."""
    fields = {name: of_field(field) for name, field in message.fields.items()}
    chosen = [name for name, field in message.fields.items() if field.oneof]
    if not chosen:
        return st.fixed_dictionaries({}, optional=fields)
    return st.one_of(*(st.fixed_dictionaries({name: fields[name]}) for name in chosen))


def of_field(field: Field) -> st.SearchStrategy[Any]:
    if field.message is None:
        return st.lists(SCALARS[field.kind], max_size=3) if field.many else SCALARS[field.kind]
    inner = st.deferred(lambda: values(field.message))  # type: ignore[arg-type]
    if field.many:
        return st.lists(inner, max_size=3)
    return st.dictionaries(SCALARS["text"], inner, max_size=3) if field.keyed else inner


def fill(twin: Any, message: Message, given_: dict[str, Any]) -> Any:
    """The same values in Google's message."""
    for name, value in given_.items():
        field = message.fields[name]
        if field.message is None and field.kind != "dynamic":
            setattr(twin, name, value)
        elif field.many:
            for item in value:
                fill_one(getattr(twin, name).add(), field, item)
        elif field.keyed:
            for key, item in value.items():
                fill_one(getattr(twin, name)[key], field, item)
        else:
            getattr(twin, name).SetInParent()
            fill_one(getattr(twin, name), field, value)
    return twin


def fill_one(twin: Any, field: Field, value: Any) -> None:
    if field.message is None:
        twin.msgpack = msgpack.encode(value)
    else:
        fill(twin, field.message, value)


def plain(message: Message, value: dict[str, Any]) -> dict[str, Any]:
    """Without what a decoder cannot tell from absent: defaults."""
    return dict(_plain(message, value))


def _plain(message: Message, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, held in value.items():
        field = message.fields[name]
        if field.message is None:
            if (field.kind == "dynamic" and not field.many) or field.oneof or held:
                yield name, held
        elif field.many and held:
            yield name, [plain(field.message, item) for item in held]
        elif field.keyed and held:
            yield name, {key: plain(field.message, item) for key, item in held.items()}
        elif not field.many and not field.keyed:
            yield name, plain(field.message, held)


@pytest.mark.parametrize("name", DECLARED)
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_both_say_the_same(name: str, data: st.DataObject) -> None:
    """What we write Google reads, and what Google writes we read, for each message of the protocol."""
    message = DECLARED[name]
    held = data.draw(values(message))
    twin = fill(TWINS.of(message)(), message, held)

    assert TWINS.of(message).FromString(message.encode(held)) == twin
    assert message.decode(twin.SerializeToString()) == plain(message, held)


@given(st.sampled_from(sorted(DECLARED)), st.binary(max_size=300))
@settings(max_examples=400, deadline=None)
def test_garbage_is_refused_or_read(name: str, raw: bytes) -> None:
    """Any bytes either are a message or a `WireError`; nothing else happens."""
    try:
        found = DECLARED[name].decode(raw)
    except WireError:
        return
    assert found.keys() <= DECLARED[name].fields.keys()


@given(st.sampled_from(sorted(DECLARED)), st.data())
@settings(max_examples=300, deadline=None)
def test_a_broken_message_is_refused_or_read(name: str, data: st.DataObject) -> None:
    """The same of real messages with a few bytes cut out or changed, which get further into the decoder."""
    message = DECLARED[name]
    raw = bytearray(message.encode(data.draw(values(message))))
    for at in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=4)):
        raw[at : at + 1] = data.draw(st.binary(max_size=2))
    try:
        message.decode(bytes(raw))
    except WireError:
        return


def test_fields_of_a_newer_terraform_are_passed_over() -> None:
    """Whatever its wire type, an unknown field changes nothing."""
    known = REQUESTS["ImportResourceState"]
    unknown = b"\xa8\x06\x07" + b"\xa1\x06" + bytes(8) + b"\xaa\x06\x03abc" + b"\xad\x06" + bytes(4)
    raw = known.encode({"type_name": "t", "id": "x"})
    assert known.decode(unknown + raw + unknown) == {"type_name": "t", "id": "x"}


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\x01\xff",
        b"\x08\x01",
        b"\x0b",
        b"\x80" * 11,
        b"\x12\x03\x12\x01{",
        b"\x12\x02\x0a\x09",
    ],
    ids=["no length", "too short", "not UTF-8", "a number", "a group", "a long varint", "no JSON", "short msgpack"],
)
def test_what_is_no_message(raw: bytes) -> None:
    """Each way of being none is a `WireError`."""
    with pytest.raises(WireError):
        REQUESTS["ValidateResourceConfig"].decode(raw)


def test_json_may_stand_for_msgpack() -> None:
    """A value may come as JSON; null is null however it is written."""
    decode = REQUESTS["ValidateProviderConfig"].decode
    assert decode(b"\x0a\x09\x12\x07" + b'{"a":1}') == {"config": {"a": 1}}
    assert decode(b"\x0a\x06\x12\x04null") == decode(b"\x0a\x03\x0a\x01\xc0") == decode(b"\x0a\x00") == {"config": None}


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=3))
def test_varints_end_where_they_end(number: int, rest: bytes) -> None:
    """A number is read whole, and nothing behind it."""
    message = TWINS.of(DECLARED["UpgradeResourceState.in"])(version=number - (1 << 64) if number >> 63 else number)
    raw = message.SerializeToString()[1:] or b"\x00"
    assert read_varint(raw + rest, 0) == (number, len(raw))


def test_an_unknown_name_is_a_bug() -> None:
    """A message cannot be given a field that it does not have."""
    with pytest.raises(KeyError):
        REQUESTS["StopProvider"].encode({"id": "x"})
