"""What the classifier is trained with beside public sets."""

from __future__ import annotations

import runpy
from pathlib import Path

BENCH = Path(__file__).parents[3] / "bench" / "detection"


def test_every_form_is_filled() -> None:
    """No slot is missing, both labels are there in both sources, and no text has both."""
    drawn = list(runpy.run_path(str(BENCH / "phrasebook.py"))["sentences"]())
    assert {(label, source) for _, label, source in drawn} == {
        (label, source) for label in (0, 1) for source in ("phrasebook", "phrasebook_languages")
    }
    assert all(text.strip() for text, _, _ in drawn)
    attacks, harmless = ({text for text, said, _ in drawn if said == label} for label in (1, 0))
    assert attacks & harmless == set()


def test_the_draw_is_the_same_again() -> None:
    """So the weights can be made again."""
    first, again = (list(runpy.run_path(str(BENCH / "phrasebook.py"))["sentences"]()) for _ in range(2))
    assert first == again


def test_catalogues_are_read() -> None:
    """Plural forms too; headers, doubtful entries and empty translations are left out."""
    catalogue = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

#, fuzzy
msgid "maybe"
msgstr "vielleicht"

msgid "open"
msgstr ""

#: here
msgid "long"
msgstr ""
"eine lange "
"Zeile"

msgid "file"
msgid_plural "files"
msgstr[0] "Datei"
msgstr[1] "Dateien"
"""
    found = runpy.run_path(str(BENCH / "interfaces.py"))["_translations"](catalogue)
    assert [text for text in found if text] == ["eine lange Zeile", "Datei", "Dateien"]
