"""
Work that survives whoever does it: a row a job, held under a lease by one worker at a time.

A worker claims a job for a while, keeps its lease alive as it goes, and finishes it or puts it back. One that dies
lets its lease run out, and another takes over. What a worker writes goes into the transaction that renews its lease: a
worker that was thought dead cannot write. Times are the database's clock, which all replicas share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, delete, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.store.transaction import new_id
from keeptrusts.store.work_tables import jobs

DELIVERIES: Final = "deliveries"
EXPORTS: Final = "exports"
LETTERS: Final = "letters"
_LEASE: Final = "lease"


class LeaseLostError(KeeptrustsError):
    """Another worker has it, or it is gone: stop, and write nothing."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """
    A claimed job.

    Args:
        attempts: How often it was claimed since it last came to an end, this time included.
    """

    id: str
    org: str
    token: str
    attempts: int


class Jobs:
    """One queue, of all organisations: a worker serves them all."""

    def __init__(self, connection: Connection, queue: str) -> None:
        self._connection = connection
        self._queue = queue

    def enqueue(self, identifier: str, org: str, *, due: datetime) -> None:
        """Have it done at `due`, or earlier when it is there already and due earlier. It is there once."""
        row = {"queue": self._queue, "id": identifier, "org": org, "due_at": due, "attempts": 0}
        # with its type: SQLite would keep a bare one as text
        sooner = {"due_at": case((jobs.c.due_at > due, literal(due, jobs.c.due_at.type)), else_=jobs.c.due_at)}
        keys = [jobs.c.queue, jobs.c.id]
        if self._connection.dialect.name == "postgresql":
            upsert = postgresql.insert(jobs).values(row)
            self._connection.execute(upsert.on_conflict_do_update(index_elements=keys, set_=sooner))
        else:
            lite = sqlite.insert(jobs).values(row)
            self._connection.execute(lite.on_conflict_do_update(index_elements=keys, set_=sooner))

    def any_due(self, now: datetime) -> bool:
        """Whether there is something to claim; reads alone."""
        query = select(jobs.c.id).where(*self._free(now)).limit(1)
        return self._connection.execute(query).first() is not None

    def claim(self, now: datetime, *, limit: int, lease_for: timedelta) -> list[Lease]:
        """Up to `limit` jobs that are due and that nobody holds, the longest due first."""
        # on SQLite the lock clause is absent and BEGIN IMMEDIATE keeps others out
        some = select(jobs.c.id).where(*self._free(now)).order_by(jobs.c.due_at).limit(limit)
        found = list(self._connection.execute(some.with_for_update(skip_locked=True)).scalars())
        if not found:
            return []
        token = new_id(_LEASE)
        statement = (
            update(jobs)
            .where(jobs.c.queue == self._queue, jobs.c.id.in_(found))
            .values(lease_token=token, leased_until=now + lease_for, attempts=jobs.c.attempts + 1)
            .returning(jobs.c.id, jobs.c.org, jobs.c.attempts)
        )
        held = {row.id: Lease(row.id, row.org, token, row.attempts) for row in self._connection.execute(statement)}
        return [held[identifier] for identifier in found]

    def renew(self, lease: Lease, now: datetime, lease_for: timedelta) -> None:
        """
        Hold it for `lease_for` from now. First in every transaction of a worker.

        Raises:
            LeaseLostError: It is not this worker's any more.
        """
        self._set(lease, {"leased_until": now + lease_for})

    def put_back(self, lease: Lease, *, due: datetime) -> None:
        """
        It has more to do, at `due`.

        Raises:
            LeaseLostError: It is not this worker's any more.
        """
        self._set(lease, {"due_at": due, "leased_until": None, "lease_token": None, "attempts": 0})

    def finish(self, lease: Lease) -> None:
        """
        There is nothing more to do.

        Raises:
            LeaseLostError: It is not this worker's any more.
        """
        if self._connection.execute(delete(jobs).where(self._held(lease))).rowcount != 1:
            raise LeaseLostError("another worker has this job")

    def drop(self, identifier: str) -> None:
        """Whoever holds it will notice."""
        self._connection.execute(delete(jobs).where(jobs.c.queue == self._queue, jobs.c.id == identifier))

    def _set(self, lease: Lease, values: dict[str, Any]) -> None:
        if self._connection.execute(update(jobs).where(self._held(lease)).values(values)).rowcount != 1:
            raise LeaseLostError("another worker has this job")

    def _held(self, lease: Lease) -> ColumnElement[bool]:
        return and_(jobs.c.queue == self._queue, jobs.c.id == lease.id, jobs.c.lease_token == lease.token)

    def _free(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        unheld = or_(jobs.c.leased_until.is_(None), jobs.c.leased_until <= now)
        return (jobs.c.queue == self._queue, jobs.c.due_at <= now, unheld)
