"""Forms of personal data that real texts use, and numbers that only look like it."""

from __future__ import annotations

import pytest

from keeptrusts.detect.pii import CATEGORIES, find_pii
from keeptrusts.detect.spans import values


def told(text: str) -> list[tuple[str, str]]:
    return [(hit.category, text[hit.start : hit.end]) for hit in values(find_pii(text, CATEGORIES))]


@pytest.mark.parametrize(
    ("text", "category", "value"),
    [
        ("Desk: +1-903-140-4508x769", "phone", "+1-903-140-4508x769"),
        ("(37) 788-063-Office", "phone", "(37) 788-063"),
        ("655 437 108 office", "phone", "655 437 108"),
        ("registered 668 5702.", "phone", "668 5702"),
        ("geboren am 01.02.1990", "date_of_birth", "01.02.1990"),
        ("née le 01/02/1990", "date_of_birth", "01/02/1990"),
        ("fecha de nacimiento: 01/02/1990", "date_of_birth", "01/02/1990"),
        ("Reisepassnummer C01X00T47", "passport", "C01X00T47"),
        ("chart no. 4471023", "medical_record", "4471023"),
        ("ssn 404-05-9247", "ssn", "404-05-9247"),
    ],
)
def test_a_form_is_found(text: str, category: str, value: str) -> None:
    """With the words around it that give it away."""
    assert told(text) == [(category, value)]


@pytest.mark.parametrize(
    "text",
    [
        "error 404-05-9247", "order 1234567 of the office", "in 2023 office rents fell", "born to run 5 miles",
        "build 4021.33.1020-2", "the passport office", "ISBN 978-3-16-148410-0", "v1.2.3.4 of the driver",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left(text: str) -> None:
    """Codes, years and versions."""
    assert told(text) == []
