"""What PostgreSQL reads of an array is what was written."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from keeptrusts.store.arrays import array_text
from keeptrusts.store.engine import open_engine
from keeptrusts.store.transaction import Store

TEXTS = [
    "",
    "NULL",
    "null",
    "a,b",
    '"',
    "\\",
    '\\"',
    "{}",
    '","',
    " a ",
    "\t\n",
    "\x01",
    "é\U0001f600",
    '{"a":"\\u0000"}',
]


def test_an_array_is_read_as_it_was_written(postgres_url: str) -> None:
    """Whatever is in the texts, with NULL among them and without, and numbers; nothing of one becomes another."""
    store = Store(open_engine(postgres_url))
    cases: list[tuple[str, list[object]]] = [
        ("text", [*TEXTS]),
        ("text", [*TEXTS, None]),
        ("text", [None, None]),
        ("bigint", [0, -1, 2**62]),
        ("bigint", [None, 5]),
    ]
    with store.read() as tx:
        for kind, values in cases:
            query = text(f"SELECT CAST(:found AS {kind}[])")
            assert tx.connection.execute(query, {"found": array_text(values)}).scalar_one() == values
    with store.read() as tx, pytest.raises(DBAPIError):
        tx.connection.execute(text("SELECT CAST(:found AS text[])"), {"found": array_text(["a\x00b", "c"])})
    store.close()
