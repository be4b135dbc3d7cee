"""
What an archive holds, read in pages without a long transaction.

The rows of an archive are those that were committed when it was begun: on PostgreSQL those of transactions below the
horizon (what is still open then is not in it, whatever its ids), on SQLite those up to the newest position.
Within that set pages go by id, so that memory does not grow and a page costs the same wherever it lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from keeptrusts.core.canonical import canonical_json
from keeptrusts.store.audit import entry_of
from keeptrusts.store.escalations import shown_of
from keeptrusts.store.events import Cursor, Events, Filters, apart, json_text_of, open_contents
from keeptrusts.store.review_tables import escalations
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.tables import audit_log, events
from keeptrusts.store.transaction import Tx
from keeptrusts.trail.contents import SEALED

AUDIT_FILTERS: Final = ("actor", "action", "object_type", "object_id")


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """One row: its id, and its JSON text as the API shows it."""

    id: str
    json_text: str


class Source(Protocol):
    """Rows of one organisation and one window, in the order of their ids."""

    def count(self, tx: Tx) -> int:
        """How many there are."""
        ...

    def page(self, tx: Tx, after: str, *, limit: int) -> Sequence[ArchiveRow]:
        """The next ones behind the id `after`; the empty text: from the start."""
        ...


@dataclass(frozen=True, slots=True)
class EventSource:
    """
    Events up to the cursor `upto`; make it with `begin`.

    Args:
        sealer: Opens the contents; None: they stay encrypted, for `kt events open`.
    """

    org: str
    filters: Filters
    upto: Cursor
    sealer: Sealer | None

    @classmethod
    def begin(cls, connection: Connection, org: str, filters: Filters, sealer: Sealer | None) -> EventSource:
        """What is committed now."""
        return cls(org, filters, Events(connection, org).now(), sealer)

    def count(self, tx: Tx) -> int:
        return tx.events.execute(select(func.count()).select_from(events).where(*self._conditions())).scalar_one()

    def page(self, tx: Tx, after: str, *, limit: int) -> Sequence[ArchiveRow]:
        query = (
            select(events.c.id, events.c.body, events.c.content, events.c.received_at)
            .where(*self._conditions(), events.c.id > after)
            .order_by(events.c.id)
            .limit(limit)
        )
        rows = tx.events.execute(query).all()
        opened = open_contents(tx.events, self.org, rows, self.sealer) if self.sealer else {}
        return [
            ArchiveRow(row.id, json_text_of(row.body, row.received_at, _content(row.content, opened.get(row.id))))
            for row in rows
        ]

    def _conditions(self) -> tuple[ColumnElement[bool], ...]:
        before = tuple_(events.c.xid, events.c.position) <= tuple_(self.upto.xid, self.upto.position)
        return (events.c.org == self.org, before, *self.filters.conditions())


def _content(stored: str | None, opened: str | None) -> str | None:
    """In the clear where it was opened; else as it is stored, which nobody reads without its key."""
    if stored and opened is None:
        return f'{{"{SEALED}":"{stored}"}}'
    return apart(stored, opened)


@dataclass(frozen=True, slots=True)
class AuditSource:
    """Entries of the audit log from `start`, inclusive, to `end`, exclusive. `matching`: columns of `AUDIT_FILTERS`."""

    org: str
    matching: Mapping[str, str]
    start: datetime
    end: datetime

    def count(self, tx: Tx) -> int:
        return tx.connection.execute(
            select(func.count()).select_from(audit_log).where(*self._conditions())
        ).scalar_one()

    def page(self, tx: Tx, after: str, *, limit: int) -> Sequence[ArchiveRow]:
        query = (
            select(audit_log).where(*self._conditions(), audit_log.c.id > after).order_by(audit_log.c.id).limit(limit)
        )
        rows = tx.connection.execute(query).mappings()
        return [ArchiveRow(row["id"], canonical_json({**entry_of(row)}).decode()) for row in rows]

    def _conditions(self) -> tuple[ColumnElement[bool], ...]:
        matching = [audit_log.c[name] == value for name, value in self.matching.items()]
        return (audit_log.c.org == self.org, audit_log.c.at >= self.start, audit_log.c.at < self.end, *matching)


@dataclass(frozen=True, slots=True)
class EscalationSource:
    """Escalations made from `start`, inclusive, to `end`, exclusive, without what is held."""

    org: str
    matching: Mapping[str, str]
    start: datetime
    end: datetime

    def count(self, tx: Tx) -> int:
        query = select(func.count()).select_from(escalations).where(*self._conditions())
        return tx.connection.execute(query).scalar_one()

    def page(self, tx: Tx, after: str, *, limit: int) -> Sequence[ArchiveRow]:
        query = select(escalations).where(*self._conditions(), escalations.c.id > after).order_by(escalations.c.id)
        rows = tx.connection.execute(query.limit(limit)).mappings()
        return [ArchiveRow(row["id"], canonical_json({**shown_of(row)}).decode()) for row in rows]

    def _conditions(self) -> tuple[ColumnElement[bool], ...]:
        made = escalations.c.created_at
        matching = [escalations.c[name] == value for name, value in self.matching.items()]
        return (escalations.c.org == self.org, made >= self.start, made < self.end, *matching)
