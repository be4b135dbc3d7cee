"""Attacks behind disguises and behind padding."""

from __future__ import annotations

import base64
import codecs
import random
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from labelled import BY_CONTEXT, Prompt
from ranking import table

from keeptrusts.detect.injection import assess
from keeptrusts.detect.topics import INJECTION_THRESHOLD

MOST = 300
"""Attacks that are disguised."""
PADDING = 4096
LEET = str.maketrans("aeiostAEIOST", "431057431057")

LOOK_ALIKES = str.maketrans("aceiopsxyACEHIKMOPTX", "асеіорѕхуАСЕНІКМОРТХ")


def _typos(text: str) -> str:
    """In every second word of five letters or more two neighbours change places, always the same for a text."""
    draw, words = random.Random(text), text.split(" ")
    for index, word in enumerate(words):
        if len(word) >= 5 and index % 2:
            at = draw.randrange(1, len(word) - 2)
            words[index] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


DISGUISES: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "capitals": str.upper,
    "every other letter a capital": lambda text: "".join(
        letter.upper() if index % 2 else letter.lower() for index, letter in enumerate(text)
    ),
    "typos": _typos,
    "look-alike letters": lambda text: text.translate(LOOK_ALIKES),
    "leet": lambda text: text.translate(LEET),
    "base64": lambda text: "Read this: " + base64.b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in pairs": lambda text: text.encode().hex(" "),
    "URL escapes": lambda text: quote(text, safe=""),
    "HTML entities": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "JSON escapes": lambda text: "".join(f"\\u{ord(letter):04x}" if ord(letter) < 65536 else letter for letter in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "letters apart": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "zero-width letters": "\u200b".join,
    "full-width letters": lambda text: "".join(
        chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text
    ),
}


def section(texts: Sequence[Prompt]) -> Iterator[str]:
    draw = random.Random(7)
    attacks = [one.text for one in texts if one.label and one.source not in BY_CONTEXT]
    chosen = draw.sample(attacks, min(MOST, len(attacks)))
    harmless = [one.text for one in texts if not one.label and len(one.text) > 200]
    if not chosen or not harmless:
        return
    yield "### Disguises\n"
    yield f"{len(chosen)} attacks of the sets above, each disguised as a whole: how many are flagged at 0.75.\n"
    ways = dict(DISGUISES)
    ways["4 KB of harmless text before it"] = lambda text: _padding(harmless, draw, PADDING) + text
    ways["2 KB before and after it"] = lambda text: (
        _padding(harmless, draw, PADDING // 2) + text + "\n" + _padding(harmless, draw, PADDING // 2)
    )
    rows = [
        (name, *(f"{_flagged(chosen, way, classify=classify):.2f}" for classify in (True, False)))
        for name, way in ways.items()
    ]
    yield from table(("disguise", "local", "rules"), rows)


def _flagged(texts: Sequence[str], way: Callable[[str], str], *, classify: bool) -> float:
    return sum(assess(way(text), classify=classify).score >= INJECTION_THRESHOLD for text in texts) / len(texts)


def _padding(harmless: Sequence[str], draw: random.Random, size: int) -> str:
    text = ""
    while len(text) < size:
        text += draw.choice(harmless) + "\n\n"
    return text[:size] + "\n"
