"""
CSV as RFC 4180 has it: CRLF, quotes doubled; and safe to open in a spreadsheet.

A cell that begins with `=`, `+`, `-`, `@`, a tab, a line break or something invisible would be run as a formula: it
gets a leading apostrophe. Numbers are written as they are. Whoever needs the exact text takes JSON Lines.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_INVISIBLE: Final = ("\t", "\r", "\n", "\x00", "\ufeff", "\u200b")
FORMULA_STARTS: Final = (*_INVISIBLE, "=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001  spreadsheets take the wide forms too


def header(columns: Sequence[str]) -> bytes:
    """The first record."""
    return _records([list(columns)])


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """One record for each row; what a row does not have is an empty cell."""
    return _records([[cell(row.get(name)) for name in columns] for row in rows])


def cell(value: Any) -> str:
    """A value as text: nothing for null, `true` and `false`, JSON for lists and objects."""
    match value:
        case None:
            return ""
        case bool() | int() | float():
            return json.dumps(value)
        case str():
            return "'" + value if value.startswith(FORMULA_STARTS) else value
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _records(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
