"""Folded views of text, against folding it letter by letter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.detect.fold import fold_text, view

ODD = "aZ09 '\"äßЖаſİ１\u200b\u00adﬁ中한\U0001f170\ufe0f\ud800"
MIXED = st.text(st.one_of(st.characters(), st.sampled_from(ODD), st.characters(max_codepoint=127)))
PROSE = st.lists(st.sampled_from(ODD), max_size=4).map((" Plain words " * 2).join)
TEXTS = st.one_of(MIXED, PROSE)
"""Texts that are mostly beyond ASCII, and such as are hardly so: they are read in two ways."""


@given(TEXTS, st.booleans())
def test_a_view_is_its_letters_folded_one_by_one(text: str, lower: bool) -> None:
    """The bytes, the letter that each comes from, and whether every letter gave exactly one."""
    pieces = [fold_text(letter, lower=lower) for letter in text]
    encoded = [piece.encode("utf-8", "replace") for piece in pieces]
    seen = view(text, lower=lower)

    assert seen.data == b"".join(encoded)
    assert [seen.origin(at) for at in range(len(seen.data))] == [
        index for index, piece in enumerate(encoded) for _ in piece
    ]
    assert seen.exact == all(len(piece) == 1 for piece in pieces)


@given(TEXTS)
def test_a_view_knows_where_a_letter_begins(text: str) -> None:
    """The first byte of a letter or of one behind it, also of letters that fold to nothing."""
    seen = view(text)
    origins = [seen.origin(at) for at in range(len(seen.data))]

    assert [seen.byte(index) for index in range(len(text) + 1)] == [
        next((at for at, origin in enumerate(origins) if origin >= index), len(origins))
        for index in range(len(text) + 1)
    ]


@given(TEXTS)
def test_something_invisible_behind_a_visible_letter_is_noticed(text: str) -> None:
    """Only ASCII letters count: edges of other letters are looked at one by one."""
    pieces = [fold_text(letter) for letter in text]
    glued = any(
        not pieces[index]
        and (shown := "".join(pieces[:index])[-1:])
        and shown.isascii()
        and not shown.encode().isspace()
        and any(pieces[index:])
        for index in range(len(text))
    )

    assert view(text).is_glued() == glued
