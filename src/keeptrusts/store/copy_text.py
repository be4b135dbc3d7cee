"""
Rows as lines of text, in the format of PostgreSQL's COPY: what a backup holds of each table, from either engine.

PostgreSQL writes and reads these lines itself. SQLite keeps moments, truth values and bytes in other forms; what a
column holds says how they are turned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary

from keeptrusts.store.columns import UtcTime

NULL: Final = "\\N"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_PLAIN: Final = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def kind_of(column: Column[Any]) -> str:
    """`time`, `bool`, `bytes`, `int` or `text`."""
    match column.type:
        case UtcTime():
            return "time"
        case Boolean():
            return "bool"
        case LargeBinary():
            return "bytes"
        case Integer() | BigInteger():
            return "int"
        case _:
            return "text"


def write_line(row: Sequence[Any], kinds: Sequence[str]) -> bytes:
    """One row as SQLite has it, with its line end."""
    fields = (NULL if value is None else _WRITE[kind](value) for value, kind in zip(row, kinds, strict=True))
    return ("\t".join(fields) + "\n").encode()


def read_line(line: bytes, kinds: Sequence[str]) -> list[Any]:
    """The values of one row, as SQLite is to have them."""
    fields = line.decode().removesuffix("\n").split("\t")
    return [
        None if field == NULL else _READ[kind](_unescaped(field)) for field, kind in zip(fields, kinds, strict=True)
    ]


def _unescaped(field: str) -> str:
    if "\\" not in field:
        return field
    first, *rest = field.split("\\")
    escaped = iter(rest)
    # an empty part is the second of two backslashes; what follows it is plain
    parts = (_PLAIN[part[0]] + part[1:] if part else "\\" + next(escaped) for part in escaped)
    return first + "".join(parts)


def _write_time(value: int) -> str:
    return (_EPOCH + timedelta(microseconds=value)).isoformat(sep=" ")


def _read_time(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


_WRITE: Final[Mapping[str, Callable[[Any], str]]] = {
    "time": _write_time,
    "bool": lambda value: "t" if value else "f",
    "bytes": lambda value: "\\\\x" + value.hex(),
    "int": str,
    "text": lambda value: value.translate(_ESCAPES),
}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "time": _read_time,
    "bool": lambda text: 1 if text == "t" else 0,
    "bytes": lambda text: bytes.fromhex(text.removeprefix("\\x")),
    "int": int,
    "text": str,
}
