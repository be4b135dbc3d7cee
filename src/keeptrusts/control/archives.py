"""
One archive on its way to disk: nobody sees it before it is whole.

It is written on the local disk, synced, and put in its place; its manifest says what it holds and which chains of
events it covers, so that it can be judged without the control plane.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from keeptrusts.control.archive_forms import FORMS
from keeptrusts.control.archive_places import Place
from keeptrusts.store.archive_rows import ArchiveRow


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
        folder: Where it is written.
        place: Where it goes when it is whole.
        name: Of the file, without its ending; no other attempt has it.
        kind: What the rows are.
        ending: Its format, a key of `FORMS`.
    """

    def __init__(self, folder: Path, place: Place, name: str, *, kind: str, ending: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._name = name
        self._place = place
        self._form = FORMS[ending](kind)
        self._ending = ending
        self._covered: dict[str, _Covered] = {}
        self._digest = hashlib.sha256()
        self._size = 0
        self.rows = 0
        self.last_id = ""
        self._draft = folder / f".{name}.part"
        self._manifest_draft = folder / f".{manifest_name(name)}.part"
        # only the owner of the data directory reads what gateways recorded
        self._file = os.fdopen(os.open(self._draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")
        self._write(self._form.begin())

    def add(self, rows: Sequence[ArchiveRow]) -> None:
        """Put these behind the others."""
        read = [msgspec.json.decode(row.json_text) for row in rows]
        for one in read:
            self._cover(one)
        self._write(self._form.add(rows, read))
        self.rows += len(rows)
        if rows:
            self.last_id = rows[-1].id

    def seal(self, about: Mapping[str, Any], checkpoints: Iterable[Mapping[str, Any]] = ()) -> Sealed:
        """
        Make it whole: on disk, then in its place, its manifest first.

        Args:
            about: Opens the manifest.
            checkpoints: Those that cover the rows, in order; written one by one, for there may be many.
        """
        self._write(self._form.end())
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
        self._keep_manifest(manifest, checkpoints)
        self._place.keep(self._draft, archive_name(self._name, self._ending))
        return sealed

    def close(self) -> None:
        """Leave nothing half behind. What was sealed stays: the transaction that names it decides."""
        self._file.close()
        for draft in (self._draft, self._manifest_draft):
            draft.unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._digest.update(content)
        self._size += len(content)

    def _keep_manifest(self, manifest: Mapping[str, Any], checkpoints: Iterable[Mapping[str, Any]]) -> None:
        name = manifest_name(self._name)
        draft = self._manifest_draft
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
            out.write(json.dumps(manifest, indent=2).removesuffix("\n}") + ',\n  "checkpoints": [')
            separator = "\n    "
            for one in checkpoints:
                out.write(separator + json.dumps(one))
                separator = ",\n    "
            out.write("\n  ]\n}\n")
            out.flush()
            os.fsync(out.fileno())
        self._place.keep(draft, name)

    def _cover(self, row: Mapping[str, Any]) -> None:
        instance = row.get("instance_id")
        if instance is None or "hash" not in row:
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


def archive_name(name: str, ending: str) -> str:
    """Of a whole archive in its place."""
    return f"{name}.{ending}"


def manifest_name(name: str) -> str:
    """Of what lies beside it."""
    return f"{name}.manifest.json"


def remove_archive(place: Place, name: str) -> None:
    """With its manifest. What is not there is no fault."""
    for one in (*(archive_name(name, ending) for ending in FORMS), manifest_name(name)):
        place.remove(one)


def _chain(instance: str, part: _Covered) -> dict[str, Any]:
    return {
        "instance_id": instance,
        "records": part.records,
        "first_sequence": part.first,
        "last_sequence": part.last,
        "last_hash": part.last_hash,
        "unbroken": part.records == part.last - part.first + 1,
    }
