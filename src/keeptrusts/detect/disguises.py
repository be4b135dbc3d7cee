"""
What a text says behind the usual encodings: base64, hexadecimal, URL and HTML escapes, leet, rot13, and the like.

Each decoding is tried where its signs are there, and what comes out is read once, not decoded again but for one more
layer of base64. All decoded text together is no longer than a multiple of what was decoded.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from keeptrusts.detect.fold import plain_view
from keeptrusts.detect.presence import presence

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

_MAX_TOKENS: Final = 64
_LINE: Final = r"[A-Za-z0-9+/_-]"
_TOKENS: Final = rf"{_LINE}{{20,}}(?:\r?\n{_LINE}{{20,}})*(?:\r?\n{_LINE}{{2,19}})?={{0,2}}"
_SPACED: Final = r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ ,:]{0,2}){8,}|(?:[01]{8}[ ,]?){6,}"
_STANDARD: Final = frozenset("+/")
_FOR_URLS: Final = frozenset("-_")
_SMALL_HEXADECIMAL: Final = b"0123456789abcdef"
_GOES_ON: Final = b"\r\n="
"""What a run may go on behind."""
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_LEET_SIGNS: Final = frozenset("0134578@$!|+")
_LEET_BYTES: Final = "".join(_LEET_SIGNS).encode()
_MIXED: Final = r"[a-z][013457-9@$!|+][a-z]|[013457-9@$!|+][a-z]{2}"
_LEET_WORDS: Final = 3
_LEET: Final = str.maketrans("01345789@$!|+", "oieastbgasiit")
_PRINTED: Final = 0.95
_ESCAPES: Final = 4
"""Escapes that a text must have to be read without them."""
_TAGGED: Final = b"\xf3\xa0"
"""Bytes that characters of the plane of tags begin with."""
_TAGS: Final = {0xE0000 + code: code for code in range(0x20, 0x7F)}
"""Letters that are not shown, but that models read."""
_SELECTORS: Final = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
"""Bytes that are written as variation selectors, which are not shown either."""
_BASE32: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_JSON_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_APART: Final = r"(?:^|[^a-z0-9])(?:[a-z][ .*_-]{1,3}){5}[a-z](?:[^a-z0-9]|\z)"
_PAIR: Final = r"(?:(?:0x|\\x)?[0-9a-f]{2}[ ,:]{0,2})"
_PAIRS: Final = _PAIR + "{8}"
_LETTERS: Final = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/_-"
_IN_RUNS: Final = bytes(code in _LETTERS for code in range(256))
_RUN: Final = bytes((1,)) * 20
"""A run of encoded text, each of its letters a one: so it is found before a pattern could be asked."""
_SIGNS: Final = (_MIXED, r"[ .*_-][a-z](?:[ .*_-]{1,3}[a-z]){2}[ .*_-]", _PAIR + "{5}")
"""The first of these three, and parts of the others. Asked first, since most texts have none of them."""
_HAS_MIXED, _MAY_HAVE_APART, _MAY_HAVE_PAIRS = range(len(_SIGNS))
_LETTERS_APART: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .*_-]{1,3}[^\W\d_](?![^\W_])){5,}")
_ENGLISH: Final = frozenset(
    {"the", "to", "and", "of", "you", "is", "that", "for", "all", "your", "are", "with", "this", "not", "from"}
    | {"ignore", "previous"}
)
_ROTATED: Final = frozenset(codecs.encode(word, "rot13") for word in _ENGLISH)
_REVERSED: Final = frozenset(word[::-1] for word in _ENGLISH)
_TELLING: Final = _ROTATED | _REVERSED
_PLAIN_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """
    Decoded text, and the characters `[start, end)` that it was decoded from.

    Args:
        whole: It has the characters of the text, one for one.
        decoded: It is what an encoded run says, and the run itself says nothing more.
    """

    text: str
    start: int
    end: int
    whole: bool = False
    decoded: bool = False


def has_run(data: bytes) -> bool:
    """Whether there is a run of letters that may be encoded. Folded, a text has one where it has one as it stands."""
    return _RUN in data.translate(_IN_RUNS)


def readings(text: str, words: Collection[str], *, encoded: bool = True, runs: bool = True) -> Iterator[Reading]:
    """
    Every other way to read this text.

    Args:
        words: Those of the text, in lower case.
        encoded: Behind base64 and hexadecimal too.
        runs: False where there surely is no run of letters that may be encoded.
    """
    data = text.encode("utf-8", "replace")
    signs = _signs()(data)
    if _HAS_MIXED in signs and _is_leet(text, data):
        yield Reading(text.translate(_LEET), 0, len(text), whole=True)
    if _TAGGED in data:
        yield Reading(text.translate(_TAGS), 0, len(text), whole=True)
        hidden = list(_SELECTORS.finditer(text))
        if said := " ".join(filter(None, (_selected(run[0]) for run in hidden))):
            yield Reading(said, hidden[0].start(), hidden[-1].end())
    for decoded in _rewritten(text, data if _MAY_HAVE_APART in signs else b"", words):
        if decoded != text:
            yield Reading(decoded, 0, len(text))
    pairs = _MAY_HAVE_PAIRS in signs
    for start, end, decoded in decoded_tokens(text, pairs=pairs) if encoded and (runs or pairs) else ():
        yield Reading(decoded, start, end, decoded=True)
        inner = " ".join(again for _, _, again in decoded_tokens(decoded))
        if inner:
            yield Reading(inner, start, end)


def _selected(selectors: str) -> str | None:
    codes = map(ord, selectors)
    return _readable(bytes(code - 0xFE00 if code < 0xE0100 else code - 0xE0100 + 16 for code in codes))


def _rewritten(text: str, data: bytes, words: Collection[str]) -> Iterator[str]:
    # to count signs takes ten times as long as to see that there is none
    if "%" in text and text.count("%") >= _ESCAPES:
        yield unquote(text)
    if "&" in text and min(text.count("&"), text.count(";")) >= _ESCAPES:
        yield html.unescape(text)
    if "\\" in text and text.count("\\") >= _ESCAPES:
        yield _JSON_ESCAPE.sub(lambda found: chr(int(found.group(1) or found.group(2), 16)), text)
    if telling := _TELLING.intersection(words):
        if _speaks(telling, words, _ROTATED):
            yield codecs.encode(text, "rot13")
        if _speaks(telling, words, _REVERSED):
            yield text[::-1]
    if data and _has(_APART, data):
        yield _LETTERS_APART.sub(lambda found: _together(found.group()), text)


def _has(pattern: str, data: bytes) -> bool:
    """Whether it is worth to look closer."""
    return _caseless(pattern).search(data, 0, len(data)) is not None


@cache
def _caseless(pattern: str) -> Regex:
    from keeptrusts.detect.engine import compile_regex

    return compile_regex(pattern, caseless=True)


@cache
def _signs() -> Callable[[bytes], Collection[int]]:
    return presence(_SIGNS)


def _speaks(telling: frozenset[str], words: Collection[str], other: frozenset[str]) -> bool:
    """Three words of this list or more, and more than of plain English."""
    known = len(telling & other)
    return known >= _PLAIN_WORDS and known > len(_ENGLISH.intersection(words))


def _together(spelt: str) -> str:
    words = re.split(r"[ ]{2,}", spelt)
    return " ".join("".join(filter(str.isalpha, word)) for word in words)


def _is_leet(text: str, data: bytes) -> bool:
    """Three words or more mix letters with the digits and signs that stand for some."""
    if len(data) - len(data.translate(None, _LEET_BYTES)) < _LEET_WORDS:
        return False
    mixed = 0
    for word in filterfalse(str.isalpha, text.split()):
        inside = word.rstrip("!.,;:?")
        if not _LEET_SIGNS.isdisjoint(inside) and any(map(str.isalpha, inside)):
            mixed += 1
            if mixed == _LEET_WORDS:
                return True
    return False


def decoded_tokens(text: str, *, pairs: bool = True) -> Iterator[tuple[int, int, str]]:
    """
    Long runs of base64, hexadecimal or binary that decode to readable text, with their places; at most 64.

    Args:
        pairs: Of digits with blanks between them, too.
    """
    data = text.encode("utf-8", "replace")
    marks = data.translate(_IN_RUNS)
    has_runs, has_pairs = _RUN in marks, pairs and _has(_PAIRS, data)
    if not (has_runs or has_pairs):
        return
    seen = plain_view(text)
    forms: list[tuple[Iterator[tuple[int, int]], Callable[[str], str | None]]] = []
    if has_runs:
        forms.append((_runs(seen.data, marks), _decoded))
    if has_pairs:
        forms.append((_spaced(seen.data), _decoded_digits))
    found = (
        decoded
        for places, decode in forms
        for start, end in places
        for decoded in _pieces(text, seen.origin(start), seen.origin(end), decode)
    )
    yield from islice(found, _MAX_TOKENS)


def _runs(data: bytes, marks: bytes) -> Iterator[tuple[int, int]]:
    """Where runs of encoded text stand; they begin with marks enough. Small letters alone, as of paths, are none."""
    regex, at = _encoded(), 0
    while (at := marks.find(_RUN, at)) >= 0:
        end = marks.find(0, at)
        run = data[at:end]
        if run.islower() and run.strip(_SMALL_HEXADECIMAL) and data[end : end + 1] not in _GOES_ON:
            at = end
        elif found := regex.match(data, at, len(data)):
            yield found[0]
            at = found[0][1]
        else:
            return


@cache
def _encoded() -> Regex:
    from keeptrusts.detect.engine import compile_regex

    return compile_regex(_TOKENS)


def _spaced(data: bytes) -> Iterator[tuple[int, int]]:
    from keeptrusts.detect.engine import compile_regex

    regex, at = compile_regex(_SPACED), 0
    while found := regex.search(data, at, len(data)):
        yield found[0]
        at = found[0][1]


def _pieces(text: str, start: int, end: int, decode: Callable[[str], str | None]) -> Iterator[tuple[int, int, str]]:
    """A run decoded, or else each of its lines."""
    run = text[start:end]
    decoded = decode(run)
    if decoded:
        yield start, end, decoded
    elif "\n" in run:
        for line in run.split("\n"):
            if part := decode(line.strip()):
                yield start, start + len(line), part
            start += len(line) + 1


def _decoded(token: str) -> str | None:
    compact = "".join(token.split())
    if _HEXADECIMAL.issuperset(compact):
        return _readable(bytes.fromhex(compact[: len(compact) // 2 * 2]))
    if compact.islower() or not (_STANDARD.isdisjoint(compact) or _FOR_URLS.isdisjoint(compact)):
        return None  # encoded text has capitals, and signs of one alphabet
    if _BASE32.issuperset(compact.rstrip("=")) and (said := _decoded_base32(compact.rstrip("="))):
        return said
    standard = compact.rstrip("=").replace("-", "+").replace("_", "/")
    standard = standard[:-1] if len(standard) % 4 == 1 else standard
    try:
        return _readable(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (ValueError, binascii.Error):
        return None


def _decoded_base32(letters: str) -> str | None:
    try:
        return _readable(base64.b32decode(letters + "=" * (-len(letters) % 8)))
    except binascii.Error:
        return None


def _decoded_digits(text: str) -> str | None:
    """Pairs of hexadecimal digits or eights of binary ones, with blanks between them."""
    groups = re.findall(r"[01]{8}", text)
    if len(groups) * 8 >= sum(map(str.isalnum, text)) - 8 and groups:
        return _readable(bytes(int(group, 2) for group in groups))
    pairs = re.findall(r"(?:0x|\\x)?([0-9A-Fa-f]{2})", text)
    return _readable(bytes.fromhex("".join(pairs)))


def _readable(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    printed = sum(letter.isprintable() or letter.isspace() for letter in text)
    return text if printed >= _PRINTED * len(text) else None
