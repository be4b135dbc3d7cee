"""The audit log: every write, by whom, from where. Nothing in it is ever changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, insert, select

from keeptrusts.api.audit import AuditEntry
from keeptrusts.core.ids import AUDIT, REQUEST
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.tables import audit_log
from keeptrusts.store.transaction import new_id

SYSTEM: Final = "system"
"""The actor of what nobody asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """
    One write.

    Args:
        action: `<noun>.<verb>`, as in `configuration.update`.
        before_digest: Over the object as it was; None: there was none.
    """

    actor: str
    action: str
    object_type: str
    object_id: str
    before_digest: str | None
    after_digest: str | None
    ip: str | None
    request_id: str

    @classmethod
    def of_system(cls, action: str, object_type: str, object_id: str) -> AuditRecord:
        """What the control plane did by itself, to an object that is not digested."""
        return cls(
            actor=SYSTEM,
            action=action,
            object_type=object_type,
            object_id=object_id,
            before_digest=None,
            after_digest=None,
            ip=None,
            request_id=new_id(REQUEST),
        )


class AuditLog:
    """The audit log of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def append(self, record: AuditRecord, *, at: datetime) -> None:
        """Written with the change it tells of."""
        row = {name: getattr(record, name) for name in AuditRecord.__slots__}
        self._connection.execute(insert(audit_log).values(id=new_id(AUDIT), org=self._org, at=at, **row))

    def page(self, *, before: str | None, limit: int, **matching: str | None) -> list[AuditEntry]:
        """Newest first; `matching` are columns that must have a value (None: any)."""
        query = select(audit_log).where(audit_log.c.org == self._org).order_by(audit_log.c.id.desc()).limit(limit)
        if before:
            query = query.where(audit_log.c.id < before)
        for name, value in matching.items():
            if value is not None:
                query = query.where(audit_log.c[name] == value)
        return [entry_of(row) for row in self._connection.execute(query).mappings()]


def entry_of(row: RowMapping) -> AuditEntry:
    """A row of the table as the API shows it."""
    kept: dict[str, Any] = {name: row[name] for name in AuditEntry.__annotations__ if name != "at"}
    entry: AuditEntry = {**kept, "at": rfc3339(row["at"])}  # type: ignore[typeddict-item]
    return entry
