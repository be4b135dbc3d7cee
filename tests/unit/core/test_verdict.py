"""Edits: nothing that any of them covers is left standing."""

from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.verdict import Allow, Block, Edit, Escalate, Redact, Verdict, apply_edits, merge_edits, severity


def edit(start: int, end: int, replacement: str = "#") -> Edit:
    return Edit(("a",), start, end, "X", replacement)


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=6)


@given(st.text("abc", min_size=30, max_size=30), SPANS)
def test_what_is_covered_goes_and_the_rest_stays(text: str, spans: list[tuple[int, int]]) -> None:
    """The result is the uncovered characters in order, with a mark where something was."""
    edits = [edit(start, start + length) for start, length in spans]
    covered = {at for start, length in spans for at in range(start, start + length)}

    result = apply_edits(text, edits)

    assert result.replace("#", "") == "".join(ch for at, ch in enumerate(text) if at not in covered)
    assert result.count("#") == len(merge_edits(edits))


@given(SPANS, st.randoms())
def test_the_order_of_edits_does_not_matter(spans: list[tuple[int, int]], random: object) -> None:
    """Kinds may report in any order."""
    edits = [edit(start, start + length) for start, length in spans]
    shuffled = sorted(edits, key=lambda _: random.random())  # type: ignore[attr-defined]

    assert merge_edits(shuffled) == merge_edits(edits)


def test_of_overlapping_edits_the_first_and_longest_lends_its_replacement() -> None:
    """Deterministic, so that a stream and a whole answer say the same."""
    united = merge_edits([edit(4, 9, "b"), edit(2, 5, "short"), edit(2, 6, "a")])

    assert united == [edit(2, 9, "a")]


def test_touching_edits_stay_apart() -> None:
    """Two neighbours are two findings."""
    assert apply_edits("abcd", [edit(0, 2), edit(2, 4)]) == "##"


def test_severity_rises_from_allow_to_block() -> None:
    """The order of the specification."""
    verdicts: list[Verdict] = [Allow(), Redact("x", ()), Escalate("x", "m"), Block("x", "m")]

    assert [severity(verdict) for verdict in verdicts] == [0, 1, 2, 3]


def test_an_edit_of_no_characters_adds() -> None:
    """Before what is replaced at the same place, and never inside of it."""
    assert apply_edits("abcd", [edit(0, 2), edit(0, 0, "<"), edit(1, 1, "?"), edit(4, 4, ">")]) == "<#cd>"
