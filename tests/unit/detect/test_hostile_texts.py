"""Texts that are written to cost much: what is promised of their cost, without a clock."""

from __future__ import annotations

import tracemalloc

from keeptrusts.detect import fold
from keeptrusts.detect.fold import fold_text, view
from keeptrusts.detect.language import languages_of

EVERY_LETTER = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x20000)]))


def test_few_letters_are_remembered() -> None:
    """Somebody who sends every letter there is does not fill the memory, and letters fold as before."""
    first = fold_text(EVERY_LETTER, lower=True)
    view(EVERY_LETTER)

    assert max(map(len, (fold._FOLDS, fold._LOWER_FOLDS, fold._FOLDED.sizes))) <= fold._KEPT
    assert fold_text(EVERY_LETTER, lower=True) == first
    assert fold_text("\u0430\u0440\u0440\u04cfe\u200b") == "apple"


def test_a_view_of_marks_takes_few_bytes_a_character() -> None:
    """A letter in each two that folds to nothing does not make a list entry of each."""
    text = "e\u0301" * 200_000
    view(text[:100])
    tracemalloc.start()
    try:
        seen = view(text)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert seen.data == b"e" * 200_000
    assert held < 8 * len(text)


def test_code_between_words_is_no_language() -> None:
    """What stands in fences, and words with signs in them, do not count."""
    plain = "Where is the nearest train station, and when does it open?"
    (spoken,) = languages_of(f"{plain} ```ich habe keine Zeit``` see src/ich_habe_keine_zeit.py now")

    assert (spoken.language, spoken.confidence) > ("en", 0.5)
    assert languages_of("```\nich habe heute keine Zeit, und morgen auch nicht\n```") == ()
