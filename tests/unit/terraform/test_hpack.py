"""HPACK, beside the `hpack` package."""

from __future__ import annotations

import hpack as theirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.terraform.plugin.hpack import TABLE_SIZE, Decoder, encode
from keeptrusts.terraform.plugin.hpack_tables import LENGTHS, STATIC
from keeptrusts.terraform.plugin.values import WireError

VISIBLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
NAMES = st.sampled_from([name for name, _ in STATIC]) | st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=30)
FIELDS = st.dictionaries(NAMES, st.text(VISIBLE, max_size=60), max_size=12)


@given(st.lists(st.tuples(FIELDS, st.booleans(), st.integers(0, TABLE_SIZE)), max_size=8), st.data())
@settings(deadline=None)
def test_what_they_write_we_read(blocks: list[tuple[dict[str, str], bool, int]], data: st.DataObject) -> None:
    """Block after block with a table that fills, shrinks and grows, packed or not, kept out of the table or not."""
    encoder, decoder = theirs.Encoder(), Decoder()
    for fields, packed, size in blocks:
        if data.draw(st.booleans()):
            encoder.header_table_size = size
        sent = [(name, value, data.draw(st.booleans())) for name, value in fields.items()]
        assert decoder.decode(encoder.encode(sent, huffman=packed)) == fields


@given(st.dictionaries(NAMES, st.text(st.characters(max_codepoint=0xFF), max_size=300), max_size=12))
@settings(deadline=None)
def test_what_we_write_they_read(fields: dict[str, str]) -> None:
    """Our literals are theirs, latin-1 included."""
    decoder = theirs.Decoder(max_header_list_size=1 << 20)
    read = decoder.decode(encode(fields), raw=True)
    assert {name.decode("latin-1"): value.decode("latin-1") for name, value in read} == fields


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=600, deadline=None)
def test_garbage_is_refused_or_read(first: bytes, second: bytes) -> None:
    """Any blocks are headers or a `WireError`, after other garbage too."""
    decoder = Decoder()
    for block in (first, second):
        try:
            decoder.decode(block)
        except WireError:
            return


@given(FIELDS, st.booleans())
@settings(deadline=None)
def test_every_cut_is_refused_or_shorter(fields: dict[str, str], packed: bool) -> None:
    """A block that was cut holds the first of its fields, or is refused."""
    block = theirs.Encoder().encode(fields.items(), huffman=packed)
    wanted = list(fields.items())
    for end in range(len(block)):
        try:
            found = list(Decoder().decode(block[:end]).items())
        except WireError:
            continue
        assert found == wanted[: len(found)]


def test_every_byte_can_be_packed() -> None:
    """The code of each of the 256 bytes is that of the RFC."""
    value = bytes(range(256)) * 2
    block = theirs.Encoder().encode([(b"x", value)], huffman=True)
    assert Decoder().decode(block) == {"x": value.decode("latin-1")}
    assert len(LENGTHS) == 256


def test_the_static_table_is_the_rfcs() -> None:
    """Its 61 entries, one by one."""
    assert len(STATIC) == 61
    for index, entry in enumerate(STATIC, 1):
        ((name, value),) = theirs.Decoder().decode(bytes([0x80 | index]))
        assert (str(name), str(value)) == entry
        assert Decoder().decode(bytes([0x80 | index])) == {entry[0]: entry[1]}


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",
        b"\xff\x80\x80\x80\x80\x80\x80\x01",
        b"\xbe",
        b"\x3f\xe2\x1f",
        b"\x40",
        b"\x00\x01x",
        b"\x00\x01x\x81\x00",
        b"\x00\x01x\x85\xff\xff\xff\xff\xff",
        b"\x00" * ((1 << 20) + 1),
    ],
    ids=[
        "index 0", "a long integer", "nothing at 62", "a table too large", "no name", "no value", "padding of zeros",
        "too much padding", "a block too long",
    ],
)  # fmt: skip
def test_what_is_no_block(block: bytes) -> None:
    """Each way of being none is a `WireError`."""
    with pytest.raises(WireError):
        Decoder().decode(block)


@pytest.mark.parametrize("filler", [b"\xff", b"\x00", b"\xfe"])
def test_a_long_packed_text_takes_no_long_time(filler: bytes) -> None:
    """Close to the largest block is read, or refused, in about linear time."""
    size = 200_000
    block = b"\x00\x01x\xff" + _varint(size - 127) + filler * size
    try:
        Decoder().decode(block)
    except WireError:
        return


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_a_block_is_read_by_the_table_of_its_time() -> None:
    """The same bytes twice are the same fields, until another entry is put before the one they name."""
    encoder, decoder = theirs.Encoder(), Decoder()
    decoder.decode(encoder.encode([("x-first", "1")]))
    newest = b"\xbe"  # index 62
    assert [decoder.decode(newest) for _ in range(3)] == [{"x-first": "1"}] * 3
    decoder.decode(encoder.encode([("x-second", "2")]))
    assert decoder.decode(newest) == {"x-second": "2"}
