"""
Sentences of our own to train with: attacks, and harmless sentences that use the words of attacks.

Public sets repeat a few famous prompts. These spread the ways to say the same, so that the classifier learns the
parts. The files in `phrases` say what is drawn: `name: one | other` fills `{name}`, and `+ form` is a form. The draw is
seeded, so that training gives the same weights again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PHRASES = Path(__file__).with_name("phrases")
ENGLISH = "phrasebook"
LANGUAGES = "phrasebook_languages"
"""Names of both as sources."""
OF_FORM = 60
"""Most sentences drawn for each form in English."""
OF_LANGUAGE = 8
"""Sentences drawn for each form in another language; up to three times as many where it has more to draw from."""
RICH = 15
CAPITAL = 0.7
"""How many begin with a capital."""
FORMS: dict[int, Sequence[str]] = {
    1: (
        "{attack}", "{attack}", "{harmless}. {attack}", "{attack}. {attack}", "{harmless} {attack}. {harmless}",
    ),
    0: ("{harmless}", "{harmless}", "{harmless}. {harmless}", "{harmless} {harmless}. {harmless}"),
}  # fmt: skip
"""What is drawn in other languages: attacks and harmless text."""
Slots = dict[str, list[str]]


def sentences() -> Iterator[tuple[str, int, str]]:
    """Texts, with 1 for an attack and 0 for a harmless one, and the source."""
    for label, name in ((1, "attacks.en.txt"), (0, "harmless.en.txt")):
        draw = random.Random(20 + label)
        slots, forms = _read(PHRASES / name)
        for form in forms:
            yield from ((text, label, ENGLISH) for text in _drawn(form, OF_FORM, slots, draw))
    draw = random.Random(22)
    for slots in _languages(PHRASES / "languages.txt"):
        for label, forms in FORMS.items():
            count = OF_LANGUAGE * (min(max(_size(slots) // RICH, 1), 3) if label else 2)
            drawn = {text for form in forms for text in _drawn(form, count, slots, draw)}
            yield from ((text, label, LANGUAGES) for text in sorted(drawn))


def _read(path: Path) -> tuple[Slots, list[str]]:
    slots, forms = Slots(), []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("+ "):
            forms.append(line[2:].replace("\\n", "\n"))
        else:
            slots |= _slot(line)
    return slots, forms


def _languages(path: Path) -> list[Slots]:
    found: list[Slots] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            found.append({})
        elif found:
            found[-1] |= _slot(line)
    return found


def _slot(line: str) -> Slots:
    """The slot that a line fills, if it does."""
    name, colon, words = line.partition(": ")
    filled = colon and not line.startswith("#")
    return {name: words.replace("\\n", "\n").split(" | ")} if filled else {}


def _size(slots: Slots) -> int:
    return sum(len(words) for name, words in slots.items() if name != "harmless")


def _drawn(form: str, count: int, slots: Slots, draw: random.Random) -> list[str]:
    return sorted({_begun(_filled(form, slots, draw), draw) for _ in range(count)})


def _begun(text: str, draw: random.Random) -> str:
    return text[:1].upper() + text[1:] if draw.random() < CAPITAL else text


def _filled(form: str, slots: Mapping[str, Sequence[str]], draw: random.Random) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: _filled(draw.choice(slots[found[1]]), slots, draw), form)
