"""
One archive on its way to disk: nobody sees it before it is whole.

It is written beside its place, synced, and renamed; its manifest says what it holds and which chains of events it
covers, so that it can be judged without the control plane.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from keeptrusts.api.audit import AuditEntry
from keeptrusts.api.events import Event
from keeptrusts.control import csv_rows
from keeptrusts.store.archive_rows import ArchiveRow

GAP_FIELDS: Final = ("from_sequence", "to_sequence", "count", "reason")
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "events": (*Event.__annotations__, *GAP_FIELDS),
    "audit-log": tuple(AuditEntry.__annotations__),
}
"""Of CSV. JSON Lines hold every member of a row."""


@dataclass(slots=True)
class _Covered:
    """The part of one instance's chain that an archive holds."""

    records: int
    first: int
    last: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A whole archive. `name`: of its file, without its ending."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


class Archive:
    """
    A file that is being written.

    Args:
        folder: Where archives are.
        name: Of the file, without its ending; no other attempt has it.
        kind: What the rows are, a key of `COLUMNS`.
        ending: `csv` or `jsonl`.
    """

    def __init__(self, folder: Path, name: str, kind: str, ending: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._name = name
        self._columns = COLUMNS[kind]
        self._ending = ending
        self._covered: dict[str, _Covered] = {}
        self._digest = hashlib.sha256()
        self._size = 0
        self.rows = 0
        self.last_id = ""
        self._draft = folder / f".{name}.part"
        # only the owner of the data directory reads what gateways recorded
        self._file = os.fdopen(os.open(self._draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")
        if ending == "csv":
            self._write(csv_rows.header(self._columns))

    def add(self, rows: Sequence[ArchiveRow]) -> None:
        """Put these behind the others."""
        read = [msgspec.json.decode(row.json_text) for row in rows]
        for one in read:
            self._cover(one)
        if self._ending == "csv":
            self._write(csv_rows.write_rows(self._columns, read))
        else:
            self._write("".join(f"{row.json_text}\n" for row in rows).encode())
        self.rows += len(rows)
        if rows:
            self.last_id = rows[-1].id

    def seal(self, about: Mapping[str, Any]) -> Sealed:
        """Make it whole: on disk, then in its place, its manifest first. `about` opens the manifest."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sealed = Sealed(self._name, self.rows, self._size, self._digest.hexdigest())
        manifest = {
            **about,
            "rows": sealed.rows,
            "size_bytes": sealed.size_bytes,
            "sha256": sealed.sha256,
            "chains": [_chain(instance, self._covered[instance]) for instance in sorted(self._covered)],
        }
        _write_synced(manifest_path(self._folder, self._name), json.dumps(manifest, indent=2) + "\n")
        self._draft.replace(archive_path(self._folder, self._name, self._ending))
        _sync_folder(self._folder)
        return sealed

    def close(self) -> None:
        """Leave nothing half behind. What was sealed stays: the transaction that names it decides."""
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)
        self._size += len(content)

    def _cover(self, row: Mapping[str, Any]) -> None:
        instance = row.get("instance_id")
        if instance is None:
            return
        sequence, digest = row["sequence"], row["hash"]
        part = self._covered.get(instance)
        if part is None:
            self._covered[instance] = _Covered(1, sequence, sequence, digest)
            return
        part.records += 1
        part.first = min(part.first, sequence)
        if sequence > part.last:
            part.last, part.last_hash = sequence, digest


def archive_path(folder: Path, name: str, ending: str) -> Path:
    """Where a whole archive is."""
    return folder / f"{name}.{ending}"


def manifest_path(folder: Path, name: str) -> Path:
    """Beside it."""
    return folder / f"{name}.manifest.json"


def remove_archive(folder: Path, name: str) -> None:
    """With its manifest. What is not there is no fault."""
    for path in (*(archive_path(folder, name, ending) for ending in ("csv", "jsonl")), manifest_path(folder, name)):
        path.unlink(missing_ok=True)


def _chain(instance: str, part: _Covered) -> dict[str, Any]:
    return {
        "instance_id": instance,
        "records": part.records,
        "first_sequence": part.first,
        "last_sequence": part.last,
        "last_hash": part.last_hash,
        "unbroken": part.records == part.last - part.first + 1,
    }


def _write_synced(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
