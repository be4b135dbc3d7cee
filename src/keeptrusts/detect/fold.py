"""
Text as a detector reads it: compatibility forms, look-alikes and invisible characters folded away, offsets kept.

Each code point becomes zero or more characters whatever stands beside it. So a piece of text folds to the same
characters as it does inside the whole, which is what lets streams be judged in pieces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from keeptrusts.detect.memory import LONGEST
from keeptrusts.detect.origins import Origins, Sizes, Stretches

_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SINGLE_QUOTES: Final = "\u2018\u2019\u201a\u201b\u2032\u02bc\uff07"
_DOUBLE_QUOTES: Final = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0\u180e")
"""Fillers that print nothing although they count as letters."""

_CYRILLIC = (
    "\u0430a\u0435e\u043eo\u0440p\u0441c\u0443y\u0445x\u0456i\u0458j\u0455s\u0501d\u04bbh\u04cfl\u0475v\u051bq\u051dw"
)
_CYRILLIC_CAPITAL = (
    "\u0410A\u0412B\u0415E\u041aK\u041cM\u041dH\u041eO\u0420P\u0421C\u0422T\u0423Y\u0425X\u0406I\u0408J\u0405S"
)
_GREEK = "\u03b1a\u03bfo\u03bdv\u03c1p\u03b9i\u03bak\u03c5u\u03f2c\u03f3j"
_GREEK_CAPITAL = "\u0391A\u0392B\u0395E\u0396Z\u0397H\u0399I\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T\u03a5Y\u03a7X"
_SMALL_CAPITAL = (
    "\u1d00a\u0299b\u1d04c\u1d05d\u1d07e\ua730f\u0262g\u029ch\u026ai\u1d0aj\u1d0bk\u029fl\u1d0dm\u0274n\u1d0fo\u1d18p"
)
_SMALL_CAPITAL_MORE = "\u0280r\ua731s\u1d1bt\u1d1cu\u1d20v\u1d21w\u028fy\u1d22z"
_LATIN = (
    "\u0131i\u0142l\u00f8o\u0251a\u0261g\u0269i\u0111d\u0127h\u0167t\u0141L\u00d8O\u0110D\u01c0l\u2113l\u212ee\u2c7ca"
)
_ARMENIAN = "\u0585o\u057du\u0570h\u0578n\u0581g\u0584q"
_LETTERS = _CYRILLIC + _CYRILLIC_CAPITAL + _GREEK + _GREEK_CAPITAL
_LOOKALIKES: Final = _LETTERS + _SMALL_CAPITAL + _SMALL_CAPITAL_MORE + _LATIN + _ARMENIAN
"""Pairs: a letter, and the ASCII letter that it can be taken for (after the idea of Unicode UTS 39)."""

_SQUARED: Final = ((0x1F1E6, "a"), (0x1F130, "A"), (0x1F150, "A"), (0x1F170, "A"))
"""First of 26 letters in boxes, circles or flags."""


_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_ASCII: Final = 128
_FEW: Final = 16
"""A text of which less than one character in so many is beyond ASCII is looked at by runs of them."""
_RECENT: Final = 32
_KEPT: Final = 1 << 14
"""Most letters that are remembered; with more of them, all are forgotten."""


class _Letters(dict[int, str]):
    """
    Code point -> what becomes of it, filled as code points are met. There are more than are worth to be kept.

    Args:
        become: What becomes of one.
    """

    def __init__(self, become: Callable[[int], str]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, code: int) -> str:
        if len(self) >= _KEPT:
            self.clear()
        known = self[code] = self._become(code)
        return known


def _given() -> dict[int, str]:
    pairs = zip(_LOOKALIKES[::2], _LOOKALIKES[1::2], strict=True)
    table = {ord(letter): ascii_letter for letter, ascii_letter in pairs}
    table |= {code: chr(code) for code in range(128)}
    table |= dict.fromkeys(map(ord, _DASHES), "-")
    table |= dict.fromkeys(map(ord, _SINGLE_QUOTES), "'")
    table |= dict.fromkeys(map(ord, _DOUBLE_QUOTES), '"')
    table |= dict.fromkeys(map(ord, _INVISIBLE), "")
    for first, letter in _SQUARED:
        table |= {first + step: chr(ord(letter) + step) for step in range(26)}
    return table


_GIVEN: Final = _given()


def _fold(code: int) -> str:
    given = _GIVEN.get(code)
    return _fold_by_rule(chr(code)) if given is None else given


def _fold_by_rule(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in {"Cf", "Mn", "Me"}:
        return ""
    if category in {"Zs", "Zl", "Zp"}:
        return " " if category == "Zs" else "\n"
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if "\uac00" <= letter <= "\ud7a3":
        return letter  # a Hangul syllable is one letter; its decomposition would only lengthen it
    parts = unicodedata.normalize("NFKD", letter)
    if parts == letter:
        return letter
    return "".join(_FOLDS[ord(part)] for part in parts if part != letter)


def _honest(code: int) -> str:
    """In lower case, and letters that look like others stay what they are."""
    letter = chr(code)
    return letter.lower() if letter in _LOOKALIKES[::2] else _FOLDS[code].lower()


def _shown(code: int) -> str:
    """What somebody who reads the text sees there: no look-alike is another letter, accents stay."""
    letter = chr(code)
    if letter in _INVISIBLE or unicodedata.category(letter) in {"Cf", "Me"}:
        return ""
    return unicodedata.normalize("NFKC", letter)


_FOLDS: Final = _Letters(_fold)
_LOWER_FOLDS: Final = _Letters(lambda code: _FOLDS[code].lower())
_HONEST_FOLDS: Final = _Letters(_honest)
_READABLE: Final = _Letters(_shown)


def fold_text(text: str, *, lower: bool = False) -> str:
    """The folded text."""
    if text.isascii():
        return text.lower() if lower else text
    return text.translate(_LOWER_FOLDS if lower else _FOLDS)


_OF_OTHER_SCRIPTS: Final = str.maketrans(dict(zip(*[iter(_LETTERS + _ARMENIAN)] * 2, strict=True)))
_LIKE_OTHERS: Final = re.compile("[" + "".join(map(chr, _OF_OTHER_SCRIPTS)) + "]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_ASCII_LETTER: Final = re.compile("[A-Za-z]")


def readable(text: str, most: int | None = None) -> str:
    """
    The text without disguise but as it is written: a word of ASCII letters has no look-alikes of other scripts.

    Args:
        most: Letters of it that are wanted: a ligature may be as long as a sentence.
    """
    if text.isascii():
        return text[:most]
    shown = _FOREIGN.sub(_as_shown, text)[:most]
    return _WORD.sub(_undisguised, shown) if _LIKE_OTHERS.search(shown) else shown


def _as_shown(found: re.Match[str]) -> str:
    return found.group().translate(_READABLE)


def _undisguised(found: re.Match[str]) -> str:
    word = found.group()
    return word if word.isascii() or not _ASCII_LETTER.search(word) else word.translate(_OF_OTHER_SCRIPTS)


def words_of(term: str) -> list[str]:
    """The words of a phrase as detectors compare them."""
    return fold_text(term, lower=True).split()


def is_word(letter: str) -> bool:
    """Whether this folded character continues a word. Scripts that write no blanks have no words in this sense."""
    return letter == "_" or (letter.isalnum() and letter < "\u0e00")


class View(NamedTuple):
    """
    A text and its folded form in UTF-8.

    Args:
        origins: Where the bytes of `data` come from; None when they are the characters of `text`.
        exact: Every character folds to exactly one, so that distances are those of the text.
    """

    text: str
    data: bytes
    origins: Origins | None = None
    exact: bool = True

    def origin(self, byte: int) -> int:
        """The character that this byte of `data` comes from; its end gives the end of the text."""
        if self.origins is None:
            return byte
        return self.origins.character(byte) if byte < len(self.data) else len(self.text)

    def end(self, byte: int) -> int:
        """One past the character that the byte before this one comes from."""
        return byte if self.origins is None else self.origins.character(byte - 1) + 1

    def byte(self, index: int) -> int:
        """The first byte that comes from this character or a later one."""
        if self.origins is None:
            return min(max(index, 0), len(self.data))
        return min(self.origins.byte(index), len(self.data))

    def before(self, start: int) -> str:
        """The folded character before this byte; empty at the start, and where something invisible stands there."""
        if self.origins is None:
            return chr(self.data[start - 1]) if start else ""
        origin = self.origin(start)
        if start and self.origin(start - 1) == origin:
            return chr(self.data[start - 1])
        return _FOLDS[ord(self.text[origin - 1])][-1:] if origin else ""

    def after(self, end: int) -> str:
        """The folded character at this byte, in the same sense."""
        if self.origins is None:
            return chr(self.data[end]) if end < len(self.data) else ""
        if 0 < end < len(self.data) and self.origin(end) == self.origin(end - 1):
            return chr(self.data[end])
        index = self.end(end) if end else 0
        return _FOLDS[ord(self.text[index])][:1] if index < len(self.text) else ""

    def is_glued(self) -> bool:
        """Whether something invisible stands directly behind a visible ASCII character."""
        if self.origins is None or self.exact:
            return False
        return any(
            self.data[byte - 1] < _ASCII and not self.data[byte - 1 : byte].isspace()
            for byte in self.origins.breaks()
            if 0 < byte < len(self.data) and self.end(byte) != self.origin(byte)
        )


def view(text: str, *, lower: bool = False) -> View:
    """Fold a text. Lone surrogates fold to `?`: no detector looks for them."""
    if text.isascii():
        return View(text, text.encode("ascii").lower() if lower else text.encode("ascii"))
    return _viewed(text, _IN_LOWER_CASE if lower else _FOLDED)


def honest_view(text: str) -> View:
    """The same in lower case, without reading look-alikes as the letters they look like."""
    return view(text, lower=True) if text.isascii() else _viewed(text, _HONEST)


def plain_view(text: str) -> View:
    """The text as it is, unfolded."""
    return View(text, text.encode("ascii")) if text.isascii() else _viewed(text, _PLAIN)


def _viewed(text: str, way: _Way) -> View:
    """A text beyond ASCII. Of one that is not too long, several detectors ask for the same view, one after another."""
    return _recently_viewed(text, way) if len(text) <= LONGEST else _newly_viewed(text, way)


def _newly_viewed(text: str, way: _Way) -> View:
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return _viewed_as_whole(text, way) if foreign * _FEW > len(text) else _viewed_by_runs(text, way)


_recently_viewed = lru_cache(maxsize=_RECENT)(_newly_viewed)


def _viewed_as_whole(text: str, way: _Way) -> View:
    """Mostly beyond ASCII: every character is looked up, none by itself in Python."""
    table = way.table
    data = (text if table is None else text.translate(table)).encode("utf-8", "replace")
    exact = table is None or all(len(table[ord(letter)]) == 1 for letter in {*text})
    if exact and len(data) == len(text):
        return View(text, data)
    return View(text, data, Sizes(text.translate(way.sizes).encode("latin-1")), exact)


def _viewed_by_runs(text: str, way: _Way) -> View:
    """ASCII folds to itself, or to its lower case: only the runs between are looked at letter by letter."""
    runs = [(found.start(), _folded(found.group(), way.table)) for found in _FOREIGN.finditer(text)]
    parts: list[str] = []
    at = 0
    for start, pieces in runs:
        parts.append(text[at:start])
        parts += pieces
        at = start + len(pieces)
    data = "".join((*parts, text[at:])).encode("utf-8", "replace")
    if way.lower:
        data = data.lower()
    exact = all(len(piece) == 1 for _, pieces in runs for piece in pieces)
    if exact and len(data) == len(text):
        return View(text, data)
    return View(text, data, _stretches(text, runs), exact)


def _folded(run: str, table: _Letters | None) -> list[str]:
    return [*run] if table is None else [table[ord(letter)] for letter in run]


def _stretches(text: str, runs: Iterable[tuple[int, list[str]]]) -> Stretches:
    origins = Stretches()
    byte = at = 0
    for start, pieces in runs:
        if at < start:
            origins.add(byte, at, 1)
        byte, at = byte + start - at, start
        for size, alike in groupby(map(_size, pieces)):
            count = sum(1 for _ in alike)
            if size:
                origins.add(byte, at, size)
            byte, at = byte + count * size, at + count
    if at < len(text):
        origins.add(byte, at, 1)
    return origins


def _size(piece: str) -> int:
    return len(piece) if piece.isascii() else len(piece.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A way to read text: what each code point becomes, and the character whose number is how many bytes that has."""

    table: _Letters | None
    sizes: _Letters
    lower: bool = False


def _way(table: _Letters | None, *, lower: bool = False) -> _Way:
    def size(code: int) -> str:
        return chr(_size(chr(code) if table is None else table[code]))

    return _Way(table, _Letters(size), lower)


_PLAIN: Final = _way(None)
_FOLDED: Final = _way(_FOLDS)
_IN_LOWER_CASE: Final = _way(_LOWER_FOLDS, lower=True)
_HONEST: Final = _way(_HONEST_FOLDS, lower=True)
