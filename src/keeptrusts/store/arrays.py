"""
Many rows to PostgreSQL as one array a column: `INSERT ... SELECT * FROM unnest(...)`.

Neither a row at a time nor a multi-row VALUES comes near it; and the driver would escape each quote of each text by
itself, which is ten times the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast


def unnested(columns: Mapping[str, str]) -> str:
    """A table expression of parameters that are `array_text`, by the names of the columns. `columns`: to its type."""
    return "unnest(" + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items()) + ")"


def array_text(values: Iterable[object]) -> str:
    """As PostgreSQL reads an array."""
    found = list(values)
    kinds = set(map(type, found))
    if kinds == {str}:
        return _array_of_texts(cast("list[str]", found))
    if kinds <= {int, _NONE}:
        return "{" + ",".join("NULL" if value is None else str(value) for value in found) + "}"
    return "{" + ",".join("NULL" if value is None else _quoted(str(value)) for value in found) + "}"


def _array_of_texts(values: Sequence[str]) -> str:
    """Of many texts at once: an escape for each by itself takes three times as long."""
    joined = "\x00".join(values)
    if joined.count("\x00") != len(values) - 1:
        return "{" + ",".join(map(_quoted, values)) + "}"  # PostgreSQL refuses it
    return "{" + _quoted(joined).replace("\x00", '","') + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_NONE: Final = type(None)
