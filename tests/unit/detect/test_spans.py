"""Hits told as values that do not overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.detect.scan import Hit
from keeptrusts.detect.spans import values


@pytest.mark.parametrize(
    ("hits", "want"),
    [
        ([Hit(0, 9, "a", 4)], [(4, 9, "a")]),
        ([Hit(0, 5, "a", 0), Hit(1, 8, "a", 1)], [(0, 8, "a")]),
        ([Hit(0, 5, "a", 0, 0.6), Hit(1, 8, "b", 1, 0.9)], [(0, 1, "a"), (1, 8, "b")]),
        ([Hit(0, 5, "a", 0), Hit(1, 8, "b", 1)], [(0, 1, "a"), (1, 8, "b")]),
        ([Hit(0, 9, "a", 0, 0.6), Hit(3, 5, "b", 3, 0.9)], [(0, 3, "a"), (3, 5, "b"), (5, 9, "a")]),
        ([Hit(0, 5, "a", 0, 0.9), Hit(3, 9, "b", 3, 0.6)], [(0, 5, "a"), (5, 9, "b")]),
        ([Hit(0, 5, "a", 0), Hit(0, 5, "b", 0, 0.5), Hit(4, 9, "b", 4, 0.5)], [(0, 5, "a"), (5, 9, "b")]),
        ([Hit(0, 5, "a", 0), Hit(5, 8, "b", 5)], [(0, 5, "a"), (5, 8, "b")]),
        ([Hit(0, 5, "a", 0), Hit(5, 8, "a", 5)], [(0, 5, "a"), (5, 8, "a")]),
        ([], []),
    ],
)
def test_values_do_not_overlap(hits: list[Hit], want: list[tuple[int, int, str]]) -> None:
    """Of one category they are united, of two the surer one stands and the rest of the other is kept."""
    assert [(hit.start, hit.end, hit.category) for hit in values(hits)] == want


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from("abc"), st.sampled_from([0.5, 0.9]))))
def test_values_cover_what_the_hits_cover(made: list[tuple[int, int, str, float]]) -> None:
    """All of it, nothing else, and each place once."""
    hits = [Hit(start, start + size, category, start, sure) for start, size, category, sure in made]
    told = values(hits)
    places = [place for hit in told for place in range(hit.start, hit.end)]
    assert places == sorted({place for hit in hits for place in range(hit.start, hit.end)})
