"""Words of a text, read in two ways: plain text for less than other text, with the same outcome."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.detect.terms import _PlainReading, _Reading

TEXTS = st.lists(st.sampled_from(["ab", "C", "_x9", " ", "-", ", ", " .. ", "\n", "....", "a b"]), max_size=30).map(
    "".join
)


@given(TEXTS, st.integers(1, 4), st.integers(1, 20))
def test_plain_text_is_read_like_any_other(text: str, count: int, width: int) -> None:
    """The same starts, with the same words from each."""
    plain, other = (
        [(start, list(runs)) for start, runs in reading(text).openings(count, width)]
        for reading in (_PlainReading, _Reading)
    )
    assert plain == other
