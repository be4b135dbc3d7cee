"""Hits told as values that do not overlap."""

from __future__ import annotations

import pytest

from keeptrusts.detect.scan import Hit
from keeptrusts.detect.spans import values


@pytest.mark.parametrize(
    ("hits", "want"),
    [
        ([Hit(0, 9, "a", 4)], [(4, 9, "a")]),
        ([Hit(0, 5, "a", 0), Hit(1, 8, "a", 1)], [(0, 8, "a")]),
        ([Hit(0, 5, "a", 0, 0.6), Hit(1, 8, "b", 1, 0.9)], [(1, 8, "b")]),
        ([Hit(0, 5, "a", 0), Hit(1, 8, "b", 1)], [(1, 8, "b")]),
        ([Hit(0, 5, "a", 0), Hit(5, 8, "b", 5)], [(0, 5, "a"), (5, 8, "b")]),
        ([], []),
    ],
)
def test_values_do_not_overlap(hits: list[Hit], want: list[tuple[int, int, str]]) -> None:
    """Of one category they are united, of two the surer one stands."""
    assert [(hit.start, hit.end, hit.category) for hit in values(hits)] == want
