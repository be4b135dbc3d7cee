"""Export jobs: asked for, being written, to be fetched, expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from keeptrusts.api.exports import ExportJob
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import EXPORT
from keeptrusts.store.columns import rfc3339, rfc3339_or_none
from keeptrusts.store.jobs import EXPORTS, Jobs
from keeptrusts.store.transaction import new_id
from keeptrusts.store.work_tables import exports


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExport:
    """What to archive. `filters` are those of the list of that type. `content` is of events: `sealed` or `clear`."""

    type: str
    format: str
    window_from: datetime
    window_to: datetime
    filters: Mapping[str, str]
    content: str | None


@dataclass(frozen=True, slots=True)
class StoredExport:
    """
    An export as the API shows it, and what is needed to make or find its archive.

    Args:
        archive: Name of the archive's file without its ending; None before it is complete.
    """

    shown: ExportJob
    org: str
    window_from: datetime
    window_to: datetime
    archive: str | None


class Exports:
    """The exports of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def make(self, wanted: NewExport, *, at: datetime, due: datetime) -> ExportJob:
        """
        A new job, queued.

        Args:
            due: By the clock that leases go by.
        """
        identifier = new_id(EXPORT)
        row = {
            "id": identifier,
            "org": self._org,
            "type": wanted.type,
            "format": wanted.format,
            "window_from": wanted.window_from,
            "window_to": wanted.window_to,
            "filters": dict(wanted.filters),
            "content": wanted.content,
            "state": "queued",
            "rows_done": 0,
            "created_at": at,
        }
        self._connection.execute(insert(exports).values(row))
        Jobs(self._connection, EXPORTS).enqueue(identifier, self._org, due=due)
        return self.read(identifier).shown

    def read(self, identifier: str) -> StoredExport:
        """
        One export.

        Raises:
            NotFoundError: This organisation has no such export.
        """
        query = select(exports).where(exports.c.org == self._org, exports.c.id == identifier)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such export")
        return _stored(row)

    def page(self, *, before: str | None, limit: int, state: str | None = None) -> list[ExportJob]:
        """Newest first."""
        query = select(exports).where(exports.c.org == self._org).order_by(exports.c.id.desc()).limit(limit)
        if before:
            query = query.where(exports.c.id < before)
        if state:
            query = query.where(exports.c.state == state)
        return [_stored(row).shown for row in self._connection.execute(query).mappings()]

    def begin(self, identifier: str, *, rows_total: int) -> None:
        """It is being written, from the start."""
        self._set(identifier, {"state": "running", "rows_done": 0, "rows_total": rows_total})

    def progress(self, identifier: str, *, rows_done: int) -> None:
        """So many rows are in the file."""
        self._set(identifier, {"rows_done": rows_done})

    def complete(
        self, identifier: str, *, archive: str, rows: int, size_bytes: int, sha256: str, at: datetime, until: datetime
    ) -> ExportJob:
        """The archive is on disk under its name; it is kept until `until`."""
        values = {
            "state": "completed",
            "archive": archive,
            "rows_done": rows,
            "rows_total": rows,
            "size_bytes": size_bytes,
            "sha256": sha256,
            "completed_at": at,
            "expires_at": until,
        }
        self._set(identifier, values)
        return self.read(identifier).shown

    def fail(self, identifier: str, error: str, *, at: datetime) -> ExportJob:
        """It will not be tried again."""
        self._set(identifier, {"state": "failed", "error": error, "completed_at": at})
        return self.read(identifier).shown

    def _set(self, identifier: str, values: Mapping[str, Any]) -> None:
        self._connection.execute(
            update(exports).where(exports.c.org == self._org, exports.c.id == identifier).values(values)
        )


def past_their_time(connection: Connection, now: datetime, *, limit: int) -> Sequence[StoredExport]:
    """Archives of any organisation that are to be removed."""
    query = select(exports).where(exports.c.state == "completed", exports.c.expires_at <= now).limit(limit)
    return [_stored(row) for row in connection.execute(query).mappings()]


def note_expired(connection: Connection, identifiers: Sequence[str]) -> None:
    """Their archives are gone."""
    gone = exports.c.id.in_(identifiers)
    connection.execute(update(exports).where(gone).values(state="expired", archive=None))


def known_archives(connection: Connection, archives: Sequence[str]) -> set[str]:
    """Those of the names that belong to an export."""
    return set(connection.execute(select(exports.c.archive).where(exports.c.archive.in_(archives))).scalars())


def _stored(row: RowMapping) -> StoredExport:
    shown: ExportJob = {
        "id": row["id"],
        "type": row["type"],
        "format": row["format"],
        "window_from": rfc3339(row["window_from"]),
        "window_to": rfc3339(row["window_to"]),
        "filters": row["filters"],
        "content": row["content"],
        "state": row["state"],
        "rows_done": row["rows_done"],
        "rows_total": row["rows_total"],
        "size_bytes": row["size_bytes"],
        "sha256": row["sha256"],
        "error": row["error"],
        "created_at": rfc3339(row["created_at"]),
        "completed_at": rfc3339_or_none(row["completed_at"]),
        "expires_at": rfc3339_or_none(row["expires_at"]),
    }
    return StoredExport(shown, row["org"], row["window_from"], row["window_to"], row["archive"])
