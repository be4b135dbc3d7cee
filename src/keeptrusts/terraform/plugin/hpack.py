"""HPACK (RFC 7541): what Terraform's gRPC client sends is decoded in full; what we send is written literally."""

from __future__ import annotations

from keeptrusts.terraform.plugin.hpack_tables import LENGTHS, STATIC
from keeptrusts.terraform.plugin.values import WireError

TABLE_SIZE = 4096
ENTRY_OVERHEAD = 32
LONGEST_BLOCK = 1 << 20
_LONGEST_CODE = 30
_MOST_BLOCKS, _LONGEST_REMEMBERED = 64, 1024


class Decoder:
    """The header tables of one connection's incoming side."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, str]] = []
        self._size = 0
        self._limit = TABLE_SIZE
        self._decoded: dict[bytes, dict[str, str]] = {}

    def decode(self, block: bytes) -> dict[str, str]:
        """
        The fields of one header block; of repeated names the last one counts.

        Raises:
            WireError: It is not HPACK; the connection is of no use any more.
        """
        if len(block) > LONGEST_BLOCK:
            raise WireError("a header block is too long")
        # Terraform's calls differ in their path alone: once that is in the table, a block says what it said before
        known = self._decoded.get(block)
        if known is not None:
            return known
        fields: dict[str, str] = {}
        at = 0
        changed = False
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _integer(block, at, 7)
                name, value = self._entry(index)
            elif first & 0xE0 == 0x20:
                limit, at = _integer(block, at, 5)
                self._resize(limit)
                changed = True
                continue
            else:
                changed = changed or bool(first & 0x40)
                name, value, at = self._literal(block, at, keep=bool(first & 0x40))
            fields[name] = value
        self._remember(block, fields, changed=changed)
        return fields

    def _remember(self, block: bytes, fields: dict[str, str], *, changed: bool) -> None:
        """As long as the table is what it is."""
        if changed or len(self._decoded) >= _MOST_BLOCKS:
            self._decoded.clear()
        if not changed and len(block) <= _LONGEST_REMEMBERED:
            self._decoded[block] = fields

    def _literal(self, block: bytes, at: int, *, keep: bool) -> tuple[str, str, int]:
        index, at = _integer(block, at, 6 if keep else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _text(block, at)
        value, at = _text(block, at)
        if keep:
            self._entries.insert(0, (name, value))
            self._size += ENTRY_OVERHEAD + len(name) + len(value)
            self._evict()
        return name, value, at

    def _entry(self, index: int) -> tuple[str, str]:
        if 1 <= index <= len(STATIC):
            return STATIC[index - 1]
        place = index - len(STATIC) - 1
        if not 0 <= place < len(self._entries):
            raise WireError("a header index that stands for nothing")
        return self._entries[place]

    def _resize(self, limit: int) -> None:
        if limit > TABLE_SIZE:
            raise WireError("a header table larger than we allowed")
        self._limit = limit
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._entries.pop()
            self._size -= ENTRY_OVERHEAD + len(name) + len(value)


def encode(fields: dict[str, str]) -> bytes:
    """Literals without indexing (6.2.2): no table to keep on either side."""
    out = bytearray()
    for name, value in fields.items():
        out.append(0)
        for part in (name, value):
            raw = part.encode("latin-1")
            _write_integer(len(raw), 7, out)
            out += raw
    return bytes(out)


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer with a prefix of `bits` bits (5.1), and where it ends."""
    full = (1 << bits) - 1
    value = block[at] & full if at < len(block) else -1
    at += 1
    if value < full:
        if value < 0:
            raise WireError("a header block ends early")
        return value, at
    shift = 0
    while True:
        if at >= len(block) or shift > 28:
            raise WireError("a header integer ends early or is too long")
        value += (block[at] & 127) << shift
        shift += 7
        at += 1
        if block[at - 1] < 128:
            return value, at


def _write_integer(value: int, bits: int, out: bytearray) -> None:
    full = (1 << bits) - 1
    if value < full:
        out.append(value)
        return
    out.append(full)
    value -= full
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _text(block: bytes, at: int) -> tuple[str, int]:
    if at >= len(block):
        raise WireError("a header block ends early")
    packed = block[at] & 0x80
    size, at = _integer(block, at, 7)
    raw = block[at : at + size]
    if len(raw) != size:
        raise WireError("a header block ends early")
    return (_unpack(raw) if packed else raw).decode("latin-1"), at + size


_codes: dict[int, int] = {}
"""Code, with a one before it that tells its length -> byte; made when the first packed text comes."""


def _unpack(raw: bytes) -> bytes:
    """Huffman (5.2): at most 7 bits of padding, all ones."""
    if not _codes:
        _codes.update(_canonical())
    out = bytearray()
    code = 1
    for byte in raw:
        for shift in (7, 6, 5, 4, 3, 2, 1, 0):
            code = code << 1 | (byte >> shift & 1)
            found = _codes.get(code)
            if found is not None:
                out.append(found)
                code = 1
            elif code >> _LONGEST_CODE:
                raise WireError("a packed header text with a code that stands for nothing")
    if code > 0xFF or code & (code + 1):
        raise WireError("a packed header text with wrong padding")
    return bytes(out)


def _canonical() -> dict[int, int]:
    codes: dict[int, int] = {}
    code = width = 0
    for bits, byte in sorted((bits, byte) for byte, bits in enumerate(LENGTHS)):
        code <<= bits - width
        width = bits
        codes[1 << bits | code] = byte
        code += 1
    return codes
