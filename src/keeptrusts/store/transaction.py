"""
One transaction, and the repositories born with it.

`Store.write()` and `Store.read()` give a `Tx`; it commits when the block ends and rolls back when it raises. A
repository is made for one organisation and cannot name another's rows. On SQLite one writer works at a time.

Events may be in a database of their own (`Store.events`). No transaction writes both: a crash can then not leave one of
them behind. What events have to tell is put into the outbox beside them, and carried over from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import uuid_utils
from sqlalchemy import Connection, Engine, Insert, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from keeptrusts.core.ids import make_id
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.tables import messages

WAIT_FOR_WRITER_S = 5.0
WAIT_FOR_LAST_S = 10.0
MESSAGE = "msg"


def utc_now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A fresh id that sorts after those made before it."""
    return make_id(prefix, uuid_utils.uuid7().bytes)


def insert_unless_there(connection: Connection, table: Table) -> Insert:
    """`INSERT ... ON CONFLICT DO NOTHING`, which both engines spell alike and SQLAlchemy does not."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


class Tx:
    """
    A running transaction.

    Args:
        now: When it began, by this process's clock. Leases go by `database_now` instead.
    """

    def __init__(self, connection: Connection, now: datetime, events: Callable[[], Connection] | None = None) -> None:
        self.connection = connection
        self.now = now
        self._open_events = events
        self._events = None if events else connection
        self._after: list[Callable[[], None]] = []
        self.published = False

    @property
    def events(self) -> Connection:
        """For reading what lies beside the events; it is `connection` where they are in the same database."""
        if self._events is None:
            assert self._open_events is not None
            self._events = self._open_events()
        return self._events

    def publish(self, org: str, message_type: str, data: Mapping[str, Any]) -> None:
        """Tell the webhooks that want `message_type`, if and when this transaction commits."""
        self.publish_all(org, [(message_type, data)])

    def publish_all(self, org: str, told: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """The same for many messages, each its type and data."""
        rows = [
            {"id": new_id(MESSAGE), "org": org, "type": kind, "data": dict(data), "created_at": self.now}
            for kind, data in told
        ]
        if rows:
            self.connection.execute(insert(messages), rows)
            self.published = True

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` in this thread once the transaction is durable."""
        self._after.append(action)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for action in self._after:
            action()

    def database_now(self) -> datetime:
        """The database's clock, which all replicas share."""
        if self.connection.dialect.name == "sqlite":
            return utc_now()
        moment: datetime = self.connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)


class Store:
    """
    The database, as transactions.

    `on_publish` runs in the committing thread when there is something to deliver. `events` is where what lies beside
    the events is written: this very store, unless another is given.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now, *, events: Store | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.events = events or self
        self.on_publish: Callable[[], None] | None = None
        self._writer = threading.Lock() if is_sqlite(engine) else None
        self._open = _Open()

    def close(self) -> None:
        """Wait for the transactions that run (10 s at most), let none begin, and close every connection."""
        self._open.close()
        self.engine.dispose()
        if self.apart:
            self.events.close()

    @property
    def apart(self) -> bool:
        """Whether the events are in a database of their own."""
        return self.events is not self

    def beside(self, tx: Tx) -> AbstractContextManager[Tx]:
        """For reading this database while `tx`, of `events`, writes: the same one, unless the events are apart."""
        return self.read() if self.apart else nullcontext(tx)

    def write(self) -> AbstractContextManager[Tx]:
        """
        A transaction that changes something.

        Raises:
            StoreUnavailableError: The database is away, full, or busy for more than 5 s.
        """
        return self._begin(writes=True)

    def read(self) -> AbstractContextManager[Tx]:
        """A transaction that only reads; it never waits for a writer."""
        return self._begin(writes=False)

    @contextmanager
    def _begin(self, *, writes: bool) -> Iterator[Tx]:
        with self._open, self._turn(writes=writes):
            try:
                connection = self.engine.connect().execution_options(**self._options(writes=writes))
                with connection, connection.begin(), ExitStack() as others:
                    reader = (lambda: others.enter_context(self.events.read()).connection) if self.apart else None
                    tx = Tx(connection, self.clock(), reader)
                    yield tx
            except (OperationalError, InterfaceError, InternalError, PoolTimeoutError) as failed:
                raise StoreUnavailableError(f"the database did not answer ({type(failed).__name__})") from failed
        tx.committed()
        if tx.published and self.on_publish is not None:
            self.on_publish()

    def _options(self, *, writes: bool) -> dict[str, Any]:
        if self._writer:
            return {"writes": writes}
        return {} if writes else {"postgresql_readonly": True}

    @contextmanager
    def _turn(self, *, writes: bool) -> Iterator[None]:
        if not (writes and self._writer):
            yield
            return
        if not self._writer.acquire(timeout=WAIT_FOR_WRITER_S):
            raise StoreUnavailableError("the database is busy")
        try:
            yield
        finally:
            self._writer.release()


class _Open:
    """Counts the transactions that run: a thread may outlive the task that waited for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    def __enter__(self) -> None:
        with self._changed:
            if self._closed:
                raise StoreUnavailableError("the control plane is stopping")
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._count == 0, timeout=WAIT_FOR_LAST_S)
