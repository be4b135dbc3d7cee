"""
Many rows to PostgreSQL as one array a column: `INSERT ... SELECT * FROM unnest(...)`.

Neither a row at a time nor a multi-row VALUES comes near it; and the driver would escape each quote of each text by
itself, which is ten times the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def unnested(columns: Mapping[str, str]) -> str:
    """A table expression of parameters that are `array_text`, by the names of the columns. `columns`: to its type."""
    return "unnest(" + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items()) + ")"


def array_text(values: Iterable[object]) -> str:
    """As PostgreSQL reads an array."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
