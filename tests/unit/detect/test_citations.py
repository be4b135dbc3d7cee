"""What an answer cites, and how much of it its sources say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.detect.citations import Citation, Sources, cited

PAGE = (
    "Our returns policy. Customers may return any item within thirty days of delivery. The item must be unused and in"
    " its original packaging. Refunds are paid to the card that was charged, usually within five working days. Shipping"
    " costs are not refunded unless the item was faulty. Gift cards and opened software cannot be returned. For items"
    " above two hundred euros a signature is needed at pick-up. Contact the service desk in Lyon to arrange a return."
)
QUOTED = (
    "Customers may return any item within thirty days of delivery.",
    "The item must be unused.",
    "Refunds are paid to the card, usually within five working days.",
    "Gift cards cannot be returned.",
    "Contact the service desk in Lyon to arrange a return.",
    "Shipping costs are refunded only if the item was faulty.",
)
REWORDED = (
    "You have a month to send it back.",
    "Please keep the box and don't use the product.",
    "You get your money in about a week.",
    "Expensive goods need you to sign when they are collected.",
    "Vouchers are excluded from this.",
    "We do not pay for postage normally, except for defects.",
)
UNRELATED = (
    "The moon is made of cheese.",
    "Paris is the capital of France and lies on the Seine.",
    "Use a list comprehension for that.",
    "The warranty lasts ten years and covers water damage.",
    "Return flights to Berlin cost ninety euros.",
    "Our chief executive is Ada Lovelace.",
)


@pytest.mark.parametrize(
    ("text", "citations"),
    [
        ("nothing here [sic] (2020) (maybe 3)", []),
        ("a [1]", [Citation(2, 5, number=1)]),
        ("a [1, 3][^2]", [Citation(2, 8, number=1), Citation(2, 8, number=3), Citation(8, 12, number=2)]),
        ("see https://A.example/X/, please", [Citation(4, 24, ("a.example/x",))]),
        ("10.1000/xyz123.", [Citation(0, 14, ("10.1000/xyz123",))]),
        ("it (Ada Lovelace, 1843b) is", [Citation(3, 24, ("ada lovelace", "1843"))]),
        ("[Source: Annual  Report]", [Citation(0, 24, ("annual report",))]),
    ],
)
def test_citations_are_found(text: str, citations: list[Citation]) -> None:
    """Each with its place and what must be there."""
    assert cited(text) == citations


@given(st.text(st.sampled_from("[](){}^, 0123456789httpsSource:/.Aab\n"), max_size=200))
def test_anything_can_be_read(text: str) -> None:
    """And every citation lies in the text."""
    assert all(0 <= one.start < one.end <= len(text) for one in cited(text))


def test_a_source_says_all_parts_or_it_is_none() -> None:
    """Author and year of different texts are no source."""
    citation = Citation(0, 1, ("lovelace", "1843"))

    assert Sources(["Lovelace, 1843"]).has(citation)
    assert not Sources(["Lovelace", "1843"]).has(citation)
    assert not Sources([]).has(Citation(0, 1, number=1))


@pytest.mark.parametrize("text", QUOTED)
def test_quotations_are_grounded(text: str) -> None:
    """As the kind's page says; also one that turns the words round."""
    assert Sources([PAGE]).groundedness([text]) >= 0.86


@pytest.mark.parametrize("text", REWORDED)
def test_other_words_are_not(text: str) -> None:
    """True as they are: it is what the page admits."""
    assert Sources([PAGE]).groundedness([text]) <= 0.15


@pytest.mark.parametrize("text", UNRELATED)
def test_what_is_unrelated_is_not(text: str) -> None:
    """Though a word of it may stand there."""
    assert Sources([PAGE]).groundedness([text]) <= 0.36


def test_an_answer_is_as_grounded_as_its_sentences() -> None:
    """By their length; one that says nothing is."""
    sources = Sources([PAGE])
    mixed = f"{QUOTED[0]} {UNRELATED[1]}"

    assert 0.4 < sources.groundedness([mixed]) < 0.7
    assert sources.groundedness(["..."]) == 1
    assert Sources([]).groundedness([QUOTED[0]]) == 0
