"""Conditions that the two engines spell differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, exists, func


def with_label(connection: Connection, column: Column[Any], key: str, value: str) -> ColumnElement[bool]:
    """Whether the label map in `column` has `key` with exactly `value`."""
    if connection.dialect.name == "postgresql":
        return column.op("@>", is_comparison=True)({key: value})
    # json_extract has no escape for a quote in a path; json_each compares plain values
    each = func.json_each(column).table_valued("key", "value")
    return exists().where(each.c.key == key, each.c.value == value)
