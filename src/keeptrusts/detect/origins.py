"""Which character of a text each byte of its folded form comes from."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Protocol

_NOTHING: Final = re.compile(b"\x00+")


class Origins(Protocol):
    """Bytes to characters, and back."""

    def character(self, byte: int) -> int:
        """The character that this byte comes from. There is such a byte."""
        ...

    def byte(self, character: int) -> int:
        """The first byte that comes from this character or a later one; 0 before all of them."""
        ...

    def breaks(self) -> Iterator[int]:
        """Bytes before which something may be left out: all of those before which something is."""
        ...


class Stretches:
    """Stretches whose characters have the same number of bytes. Prose with some letters beyond ASCII has few."""

    __slots__ = ("_bytes", "_characters", "_sizes")

    def __init__(self) -> None:
        self._bytes: list[int] = []
        self._characters: list[int] = []
        self._sizes: list[int] = []

    def add(self, byte: int, character: int, size: int) -> None:
        """From here on, each character has `size` bytes, which is not 0: what folds to nothing lies in no stretch."""
        self._bytes.append(byte)
        self._characters.append(character)
        self._sizes.append(size)

    def character(self, byte: int) -> int:
        at = bisect_right(self._bytes, byte) - 1
        return self._characters[at] + (byte - self._bytes[at]) // self._sizes[at]

    def byte(self, character: int) -> int:
        at = bisect_right(self._characters, character) - 1
        if at < 0:
            return 0
        byte = self._bytes[at] + (character - self._characters[at]) * self._sizes[at]
        return min(byte, self._bytes[at + 1]) if at + 1 < len(self._bytes) else byte

    def breaks(self) -> Iterator[int]:
        return iter(self._bytes)


class Sizes:
    """
    Four bytes for each character: for texts that are mostly beyond ASCII, which whoever writes them may choose.

    Args:
        sizes: How many bytes each character has.
    """

    __slots__ = ("_sizes", "_starts")

    def __init__(self, sizes: bytes) -> None:
        self._sizes = sizes
        self._starts = array("I", accumulate(sizes, initial=0))

    def character(self, byte: int) -> int:
        return bisect_right(self._starts, byte) - 1

    def byte(self, character: int) -> int:
        return self._starts[min(max(character, 0), len(self._sizes))]

    def breaks(self) -> Iterator[int]:
        return (self._starts[found.end()] for found in _NOTHING.finditer(self._sizes))
