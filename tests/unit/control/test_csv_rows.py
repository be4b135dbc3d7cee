"""CSV that any program reads, and that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.control.csv_rows import cell, header, write_rows


def test_records() -> None:
    """RFC 4180: CRLF, quotes only where needed and doubled inside, absent values empty."""
    rows: list[dict[str, Any]] = [{"a": 'say "hi", all', "b": None}, {"b": "two\r\nlines", "c": "not a column"}]
    assert header(["a", "b"]) == b"a,b\r\n"
    assert write_rows(["a", "b"], rows) == b'"say ""hi"", all",\r\n,"two\r\nlines"\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "\u200b", "\uff1d", "\uff20"])
def test_a_formula_is_text(start: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe; elsewhere the sign is left alone."""
    assert cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert cell(f"a{start}") == f"a{start}"


def test_values_that_are_no_text() -> None:
    """Numbers and truth as JSON has them, a negative number too; lists and objects as JSON."""
    values = [True, False, 0, -1, 0.5, -0.5, [1, "é"], {"a": None}, [], ""]
    assert [cell(one) for one in values] == [
        "true", "false", "0", "-1", "0.5", "-0.5", '[1,"é"]', '{"a":null}', "[]", "",
    ]  # fmt: skip


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), min_size=1))
def test_it_reads_back(values: list[list[str]]) -> None:
    """Whatever is in a cell comes back, but for the apostrophe."""
    written = write_rows(["a", "b"], [dict(zip(("a", "b"), pair, strict=True)) for pair in values])
    found = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert found == [[cell(value) for value in pair] for pair in values]
