"""The forms an archive can have: each turns pages of rows into the next bytes of one file, and forgets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from keeptrusts.api.audit import AuditEntry
from keeptrusts.api.escalations import Escalation
from keeptrusts.api.events import Event
from keeptrusts.control import csv_rows, ocsf
from keeptrusts.store.archive_rows import ArchiveRow

GAP_FIELDS: Final = ("from_sequence", "to_sequence", "count", "reason")
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "events": (*Event.__annotations__, *GAP_FIELDS),
    "audit-log": tuple(AuditEntry.__annotations__),
    "escalations": tuple(Escalation.__annotations__),
}
"""Of CSV and Parquet. The JSON forms hold every member of a row."""
Row = Mapping[str, Any]


class Form(Protocol):
    """One file of one form, from its first byte to its last."""

    def begin(self) -> bytes: ...

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Row]) -> bytes:
        """The bytes of these rows; `read`: the same, parsed."""
        ...

    def end(self) -> bytes: ...


class _Csv:
    def __init__(self, kind: str) -> None:
        self._columns = COLUMNS[kind]

    def begin(self) -> bytes:
        return csv_rows.header(self._columns)

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Row]) -> bytes:
        del rows
        return csv_rows.write_rows(self._columns, read)

    def end(self) -> bytes:
        return b""


class _Lines:
    def __init__(self, kind: str) -> None:
        del kind

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Row]) -> bytes:
        del read
        return "".join(f"{row.json_text}\n" for row in rows).encode()

    def end(self) -> bytes:
        return b""


class _Array:
    """One JSON array, a row a line."""

    def __init__(self, kind: str) -> None:
        del kind
        self._separator = "\n"

    def begin(self) -> bytes:
        return b"["

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Row]) -> bytes:
        del read
        out: list[str] = []
        for row in rows:
            out += (self._separator, row.json_text)
            self._separator = ",\n"
        return "".join(out).encode()

    def end(self) -> bytes:
        return b"\n]\n"


class _Ocsf:
    """JSON Lines of OCSF events, one for each row."""

    def __init__(self, kind: str) -> None:
        self._translate = ocsf.TRANSLATORS[kind]

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Row]) -> bytes:
        del rows
        lines = (json.dumps(self._translate(row), ensure_ascii=False, separators=(",", ":")) for row in read)
        return "".join(f"{line}\n" for line in lines).encode()

    def end(self) -> bytes:
        return b""


def _parquet(kind: str) -> Form:
    from keeptrusts.control.parquet_rows import Parquet  # pyarrow is an extra, and heavy

    return Parquet(COLUMNS[kind])


FORMS: Final[Mapping[str, Callable[[str], Form]]] = {
    "csv": _Csv,
    "json": _Array,
    "jsonl": _Lines,
    "ocsf": _Ocsf,
    "parquet": _parquet,
}
"""By the name of the format, which is the ending of the file, too."""
