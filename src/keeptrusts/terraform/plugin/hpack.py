"""
Header compression for HTTP/2 (RFC 7541): a decoder of everything, an encoder of plain literals.

We answer with a handful of fields, so our side never fills the peer's table.
"""

from __future__ import annotations

from keeptrusts.terraform.plugin.hpack_tables import END_OF_STRING, STATIC, huffman_codes

MAX_TABLE = 4096
MAX_FIELDS_BYTES = 65_536
_ENTRY_OVERHEAD = 32  # RFC 7541, section 4.1
_SHORTEST_CODE = 5


class HpackError(Exception):
    """The header block cannot be read; the connection cannot go on (RFC 7541, section 2.2)."""


class Decoder:
    """Reads the header blocks of one direction of one connection, in order."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, str]] = []
        self._size = 0
        self._limit = MAX_TABLE
        self._texts: dict[bytes, str] = {}

    def decode(self, block: bytes) -> dict[str, str]:
        """
        The fields of a block; of a repeated one the last.

        Raises:
            HpackError: Malformed, or larger than 64 KiB when decoded.
        """
        fields: dict[str, str] = {}
        reader = _Reader(block, self._texts)
        decoded = 0
        while not reader.done:
            field = self._field(reader)
            if field is not None:
                decoded += len(field[0]) + len(field[1])
                if decoded > MAX_FIELDS_BYTES:
                    raise HpackError("the header fields are too large")
                fields[field[0]] = field[1]
        return fields

    def _field(self, reader: _Reader) -> tuple[str, str] | None:
        first = reader.peek()
        if first & 0x80:  # indexed
            return self._entry(reader.integer(7))
        if first & 0x40:  # literal, to be remembered
            field = self._literal(reader, 6)
            self._remember(field)
            return field
        if first & 0x20:  # table size
            self._resize(reader.integer(5))
            return None
        return self._literal(reader, 4)  # literal, not remembered

    def _literal(self, reader: _Reader, bits: int) -> tuple[str, str]:
        index = reader.integer(bits)
        name = self._entry(index)[0] if index else reader.text()
        return name, reader.text()

    def _entry(self, index: int) -> tuple[str, str]:
        if 1 <= index <= len(STATIC):
            return STATIC[index - 1]
        try:
            return self._entries[index - len(STATIC) - 1] if index else STATIC[len(STATIC)]
        except IndexError:
            raise HpackError("an index beyond the table") from None

    def _remember(self, field: tuple[str, str]) -> None:
        self._entries.insert(0, field)
        self._size += _ENTRY_OVERHEAD + len(field[0]) + len(field[1])
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > MAX_TABLE:
            raise HpackError("a larger table than was offered")
        self._limit = limit
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._entries.pop()
            self._size -= _ENTRY_OVERHEAD + len(name) + len(value)


class _Reader:
    def __init__(self, block: bytes, texts: dict[bytes, str]) -> None:
        self._block = block
        self._at = 0
        self._texts = texts

    @property
    def done(self) -> bool:
        return self._at >= len(self._block)

    def peek(self) -> int:
        return self._block[self._at]

    def integer(self, bits: int) -> int:
        """RFC 7541, section 5.1; at most five octets."""
        mask = (1 << bits) - 1
        value = self._octet() & mask
        if value < mask:
            return value
        for shift in range(0, 28, 7):
            octet = self._octet()
            value += (octet & 0x7F) << shift
            if not octet & 0x80:
                return value
        raise HpackError("an integer is too long")

    def text(self) -> str:
        coded = bool(not self.done and self.peek() & 0x80)
        length = self.integer(7)
        raw = self._block[self._at : self._at + length]
        if len(raw) < length:
            raise HpackError("the block ends in the middle of a string")
        self._at += length
        if not coded:
            return raw.decode("latin-1")
        if raw not in self._texts:  # Terraform sends the same few strings with every call
            self._texts[raw] = decode_huffman(raw).decode("latin-1")
        return self._texts[raw]

    def _octet(self) -> int:
        if self.done:
            raise HpackError("the block ends in the middle of an integer")
        self._at += 1
        return self._block[self._at - 1]


_CODES = huffman_codes()


def decode_huffman(coded: bytes) -> bytes:
    """
    RFC 7541, section 5.2.

    Raises:
        HpackError: The end-of-string symbol, or padding that is longer than 7 bits or not all ones.
    """
    out = bytearray()
    code = bits = 0
    for octet in coded:
        for shift in range(7, -1, -1):
            code = code << 1 | (octet >> shift & 1)
            bits += 1
            symbol = _CODES.get((bits, code)) if bits >= _SHORTEST_CODE else None
            if symbol is not None:
                if symbol == END_OF_STRING:
                    raise HpackError("the end of a string inside it")
                out.append(symbol)
                code = bits = 0
    if bits > 7 or code != (1 << bits) - 1:
        raise HpackError("a string has bad padding")
    return bytes(out)


def encode(fields: list[tuple[str, str]]) -> bytes:
    """Literals that are not remembered, without Huffman coding; the status 200 as the static entry it is."""
    out = bytearray()
    for name, value in fields:
        if (name, value) == (":status", "200"):
            out.append(0x80 | 8)
            continue
        out.append(0)
        for text in (name, value):
            raw = text.encode("latin-1")
            out += _integer(len(raw), 7)
            out += raw
    return bytes(out)


def _integer(value: int, bits: int) -> bytes:
    mask = (1 << bits) - 1
    if value < mask:
        return bytes((value,))
    out = bytearray((mask,))
    value -= mask
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
