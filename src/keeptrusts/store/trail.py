"""
The checkpoints of one organisation: seal what is committed, prove what was sealed.

A segment takes events in the order of their commits, below the horizon (see `store.events`), so that none can appear in
a segment that is sealed. One sealer works at a time in an organisation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, RowMapping, Select, func, insert, select, text, tuple_

from keeptrusts.api.trail import InclusionProof, SignedCheckpoint
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.events import START, Cursor, Events, Filters
from keeptrusts.store.signing_keys import SigningKey
from keeptrusts.store.statistics import COLUMNS, Statistics
from keeptrusts.store.tables import events
from keeptrusts.store.trail_tables import checkpoints
from keeptrusts.trail.checkpoints import (
    ENTRY_BYTES,
    Checkpoint,
    digest_of,
    entry,
    root_of,
    sign_checkpoint,
    split_entries,
)
from keeptrusts.trail.merkle import leaf_hash, proof

LARGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint. `number` 0: there is none. `by_day`: the counts of days are complete up to it."""

    number: int
    digest: str
    cursor: Cursor
    highest_id: str
    by_day: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """The lowest ids that retention left: by configuration, and of events of any other, or of none."""

    by_configuration: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Erased:
    """Ids of events that went whole, and of those of which only the content did."""

    events: Sequence[str] = ()
    contents: Sequence[str] = ()


NOTHING: Final = Deleted({}, "")
NOBODY: Final = Erased()


class Trail:
    """The checkpoints of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def head(self) -> Head:
        """The newest, without its entries."""
        table = checkpoints.c
        columns = (table.number, table.digest, table.payload, table.last_xid, table.last_position, table.by_day)
        query = select(*columns).where(table.org == self._org).order_by(table.number.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return Head(0, "", START, "", by_day=True)
        said = json.loads(row.payload)
        highest = max(said["highest_id"], said["highest_id_before"])
        return Head(row.number, row.digest, Cursor(row.last_xid, row.last_position), highest, row.by_day)

    def waits_since(self, upto: Cursor) -> datetime | None:
        """When the first event came that is not sealed; None: all are."""
        query = self._unsealed(self.head().cursor, upto, events.c.received_at).limit(1)
        return self._connection.execute(query).scalar_one_or_none()

    def many_wait(self, upto: Cursor, count: int) -> bool:
        """Whether so many events are not sealed."""
        query = self._unsealed(self.head().cursor, upto, events.c.position).offset(count - 1).limit(1)
        return self._connection.execute(query).first() is not None

    def may_seal(self) -> bool:
        """Whether this transaction is the one that seals now; others let it be."""
        if self._connection.dialect.name != "postgresql":
            return True  # one writer at a time
        lock = int.from_bytes(hashlib.sha256(f"seal/{self._org}".encode()).digest()[:8], "big", signed=True)
        found = self._connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
        return bool(found.scalar_one())

    def wait_to_seal(self) -> None:
        """The same, but wait for the other."""
        if self._connection.dialect.name == "postgresql":
            lock = int.from_bytes(hashlib.sha256(f"seal/{self._org}".encode()).digest()[:8], "big", signed=True)
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})

    def seal(
        self, key: SigningKey, upto: Cursor, *, at: datetime, deleted: Deleted = NOTHING, erased: Erased = NOBODY
    ) -> int:
        """
        Write the next checkpoint, also when nothing came since; how many events are in it.

        Args:
            upto: What lies behind is left for the next one.
            deleted: What retention has deleted by now.
            erased: What this transaction has erased on request.
        """
        head = self.head()
        columns = (events.c.xid, events.c.position, events.c.id, events.c.body, *COLUMNS)
        rows = self._connection.execute(self._unsealed(head.cursor, upto, *columns).limit(LARGEST)).all()
        entries = [entry(row.id, row.body.encode(), row.configuration_id) for row in rows]
        identifiers = [row.id for row in rows]
        said = Checkpoint(
            organisation=self._org,
            number=head.number + 1,
            size=len(rows),
            root=root_of(entries),
            previous=head.digest,
            lowest_id=min(identifiers, default=""),
            highest_id=max(identifiers, default=""),
            highest_id_before=head.highest_id,
            sealed_at=rfc3339(at),
            deleted_before=deleted.otherwise,
            deleted_of=deleted.by_configuration,
            erased=list(erased.events),
            content_erased=list(erased.contents),
        )
        last = Cursor(rows[-1].xid, rows[-1].position) if rows else head.cursor
        self._count(rows, head)
        self._insert(said, sign_checkpoint(said, key.key_id, key.seed), b"".join(entries), last, at)
        return len(rows)

    def count(self, filters: Filters, since: datetime, until: datetime) -> dict[str, int]:
        """Decisions by verdict from `since`, inclusive, to `until`, exclusive: each once, sealed or not."""
        statistics, head = Statistics(self._connection, self._org), self.head()
        while True:
            found = statistics.count(filters, since, until, head.cursor, by_day=head.by_day)
            before, head = head, self.head()
            if head == before:
                return found
            # what was sealed between two of the statements is in both of them, or in neither

    def page(self, *, before: int | None, limit: int) -> list[SignedCheckpoint]:
        """Newest first, without entries."""
        query = self._signed().order_by(checkpoints.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(checkpoints.c.number < before)
        return [_signed(row) for row in self._connection.execute(query).mappings()]

    def covering(self, lowest: str, highest: str, *, upto: int) -> Iterator[tuple[SignedCheckpoint, bytes | None]]:
        """
        From the first that concerns the ids from `lowest`, inclusive, to `highest`, exclusive, up to number `upto`.

        With its entries where it has any of them.
        """
        table = checkpoints.c
        first = select(func.min(table.number)).where(table.org == self._org, table.highest_id >= lowest)
        start = self._connection.execute(first).scalar_one() or upto
        for number in range(min(start, upto), upto + 1):
            query = select(checkpoints).where(table.org == self._org, table.number == number)
            row = self._connection.execute(query).mappings().one_or_none()
            if row is not None:
                concerned = row["highest_id"] >= lowest and row["lowest_id"] < highest and row["highest_id"] != ""
                yield _signed(row), row["entries"] if concerned else None

    def prove(self, event_id: str) -> InclusionProof:
        """
        That an event is in a signed checkpoint.

        Raises:
            NotFoundError: This organisation has no such event.
            ConflictError: It is not sealed yet.
        """
        where = events.c.org == self._org, events.c.id == event_id
        columns = (events.c.xid, events.c.position, events.c.body, events.c.configuration_id)
        found = self._connection.execute(select(*columns).where(*where)).first()
        if found is None:
            raise NotFoundError("there is no such event")
        table = checkpoints.c
        behind = tuple_(table.last_xid, table.last_position) >= tuple_(found.xid, found.position)
        query = select(checkpoints).where(table.org == self._org, behind).order_by(table.number).limit(1)
        row = self._connection.execute(query).mappings().one_or_none()
        size = ENTRY_BYTES[json.loads(row["payload"])["type"]] if row is not None else 0
        own = entry(event_id, found.body.encode(), found.configuration_id)[:size]
        entries = list(split_entries(row["entries"], size)) if row is not None else []
        if row is None or own not in entries:
            raise ConflictError("no checkpoint has sealed it yet; ask again in a minute", code="not_sealed")
        index = entries.index(own)
        path = proof([leaf_hash(one) for one in entries], index)
        return {
            "event_id": event_id,
            "entry": own.hex(),
            "index": index,
            "size": len(entries),
            "path": [one.hex() for one in path],
            "checkpoint": _signed(row),
        }

    def _count(self, rows: Sequence[Row[Any]], head: Head) -> None:
        statistics = Statistics(self._connection, self._org)
        if not head.by_day:
            statistics.make_days()
        statistics.add(rows)

    def _unsealed(self, after: Cursor, upto: Cursor, *columns: Any) -> Select[Any]:
        order = tuple_(events.c.xid, events.c.position)
        within = order > tuple_(after.xid, after.position), order <= tuple_(upto.xid, upto.position)
        return select(*columns).where(events.c.org == self._org, *within).order_by(events.c.xid, events.c.position)

    def _insert(self, said: Checkpoint, signed: dict[str, str], entries: bytes, last: Cursor, at: datetime) -> None:
        row = {
            "org": self._org,
            "number": said.number,
            **signed,
            "digest": digest_of(signed["payload"]),
            "entries": entries,
            "lowest_id": said.lowest_id,
            "highest_id": said.highest_id,
            "last_xid": last.xid,
            "last_position": last.position,
            "sealed_at": at,
            "by_day": True,
        }
        self._connection.execute(insert(checkpoints).values(row))

    def _signed(self) -> Select[Any]:
        table = checkpoints.c
        return select(table.number, table.payload, table.key_id, table.signature).where(table.org == self._org)


def seal_upto(connection: Connection, org: str, key: SigningKey, *, at: datetime) -> tuple[int, Cursor]:
    """
    Seal everything that is committed, with a checkpoint of this moment at the end.

    Returns:
        The number of the last checkpoint, and the cursor it ends at.
    """
    trail = Trail(connection, org)
    trail.wait_to_seal()
    upto = Events(connection, org).now()
    while trail.seal(key, upto, at=at) == LARGEST:
        pass
    return trail.head().number, upto


def _signed(row: RowMapping) -> SignedCheckpoint:
    return {
        "number": row["number"],
        "payload": row["payload"],
        "key_id": row["key_id"],
        "signature": row["signature"],
    }
