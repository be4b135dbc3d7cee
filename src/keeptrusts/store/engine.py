"""
Opens the database named by a URL: SQLite (WAL, every commit synced) or PostgreSQL through psycopg.

SQLite serves exactly one process: `hold_alone` keeps a second server off the same file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from keeptrusts.core.errors import InputError
from keeptrusts.store.errors import StoreUnavailableError

POOL = 48
"""Above the number of threads that serve requests (40), so that none waits for a connection."""

BUSY_MS = 5000
ASKED_AFTER_S = 1.0
GIVEN_UP = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 50_000}
"""A server that is gone without a word, as in a failover: after a minute, where the system would wait for two hours."""


def open_engine(url: str) -> Engine:
    """
    An engine for `sqlite:///PATH`, `postgresql://...` or `postgres://...`. Nothing is connected yet.

    Raises:
        InputError: Another kind of database, or not a URL.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address)
    # pgbouncer in transaction mode cannot keep prepared statements
    engine = create_engine(
        address,
        pool_size=POOL // 2,
        max_overflow=POOL // 2,
        pool_timeout=5,
        # the one used last: each knows the partitions only after it has planned for them, which takes it long
        pool_use_lifo=True,
        connect_args={"prepare_threshold": None, "connect_timeout": 5, "application_name": "keeptrusts"}
        | {name: value for name, value in GIVEN_UP.items() if name not in address.query},
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_wake, engine.dialect))
    return engine


def is_sqlite(engine: Engine) -> bool:
    """Whether this is the embedded database."""
    return engine.dialect.name == "sqlite"


@contextmanager
def hold_alone(engine: Engine) -> Iterator[None]:
    """
    Keep other servers off this SQLite file; nothing on PostgreSQL.

    Raises:
        StoreUnavailableError: Another server has it.
    """
    if not is_sqlite(engine):
        yield
        return
    with Path(f"{engine.url.database}.lock").open("a", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreUnavailableError(
                f"`{engine.url.database}` is in use by another server; stop it, or choose another --data-dir",
                code="database_in_use",
            ) from None
        yield


def overwrite_deleted(connection: Connection) -> None:
    """Have SQLite write zeros over what this transaction deletes; until then it only forgets where it was."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON").close()


def empty_log(engine: Engine) -> None:
    """Have SQLite take over what is in its write-ahead log, and cut that off, unless somebody is reading in it."""
    if is_sqlite(engine):
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise InputError("the database URL cannot be read; write `sqlite:///PATH` or `postgresql://...`") from None
    backend = address.get_backend_name()
    if backend in {"postgres", "postgresql"}:
        return address.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and address.database not in {None, "", ":memory:"}:
        return address.set(drivername="sqlite+pysqlite")
    raise InputError("the database must be `sqlite:///PATH` or `postgresql://...`")


def _open_sqlite(address: URL) -> Engine:
    directory = Path(address.database or "").parent
    directory.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, pool_size=POOL, max_overflow=0, pool_timeout=5, connect_args={"timeout": 0})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    if not Path(address.database or "").exists():
        # the file holds prompts: nobody else on this machine reads it
        os.close(os.open(address.database or "", os.O_CREAT | os.O_WRONLY, 0o600))
    return engine


def _note_rest(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _wake(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """
    Ask a connection that has rested whether it is still there: the server may have been restarted meanwhile.

    Asking costs as much as a small transaction, so one that was just used is taken at its word.
    """
    rests_since = record.info.get("rests_since")
    if rests_since is None or time.monotonic() - rests_since < ASKED_AFTER_S:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error:
        raise InvalidatePoolError from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own comes too late
    # the time-out first: turning a new file to WAL has to wait for others who do the same
    for setting in (f"busy_timeout = {BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin_sqlite(connection: Connection) -> None:
    # a reader that turns writer half-way fails at once with `database is locked`: writers say so first
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
