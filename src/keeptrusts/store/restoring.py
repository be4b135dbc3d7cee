"""
Reads a backup into an empty database: all of it or nothing.

The epochs of gateways rise by more than they can have risen since the backup was made: a gateway refuses a bundle whose
epoch is lower than one it has seen, and would otherwise hear nothing of what is changed after the restore.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, text, update

from keeptrusts.store import partitions
from keeptrusts.store.apart import EVENTS, databases_of, make_pair
from keeptrusts.store.backup import AT_ONCE, read_manifest
from keeptrusts.store.copy_text import read_line
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.migrating import migrate
from keeptrusts.store.tables import events, gateways
from keeptrusts.store.transaction import Store

EPOCHS_AHEAD: Final = 1000
"""Besides one for each second since the backup: nobody changes a gateway more often than that for long."""
_ROWS: Final = 1000
_LOCK: Final = 0x6B74_7265_7374  # "ktrest"
_LAST: Final = (
    "COALESCE((SELECT max(position) FROM events), 0), COALESCE((SELECT max(last_position) FROM checkpoints), 0)"
)


def restore(store: Store, folder: Path, secret: bytes) -> dict[str, Any]:
    """
    Fill an empty database; the manifest of what it was filled with.

    Raises:
        InputError: It is no backup, was changed, or was made with another secret key or version.
        ConflictError: The database is not empty.
        StoreUnavailableError: The database is away or full.
    """
    manifest = read_manifest(folder, secret)
    _require_empty(store)
    for each in databases_of(store):
        migrate(each)
    with store.write() as tx, store.events.write() if store.apart else nullcontext(tx) as beside:
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if tx.connection.execute(text("SELECT 1 FROM organisations LIMIT 1")).first() is not None:
            raise ConflictError("the database is not empty; restore into a new one")
        for table in manifest["tables"]:
            there = beside.connection if table["name"] in EVENTS else tx.connection
            if table["name"] == events.name and partitions.are_there(there):
                partitions.make(there, partitions.days_of(_ids(table, folder)))
            _load(there, table, folder)
        _raise_epochs(tx.connection, datetime.fromisoformat(manifest["made_at"]), tx.now)
        _go_on(beside.connection)
        if store.apart:
            make_pair(tx, beside)
    return manifest


def _require_empty(store: Store) -> None:
    both = "; both have to be: that of the events, and the other" if store.apart else ""
    for each in databases_of(store):
        with each.read() as tx:
            if inspect(tx.connection).get_table_names():
                raise ConflictError(f"the database is not empty; restore into a new one{both}")


def _ids(table: Mapping[str, Any], folder: Path) -> Iterator[str]:
    place = [name for name, _ in table["columns"]].index("id")
    with gzip.open(folder / table["file"], "rb") as lines:
        for line in lines:
            yield line.split(b"\t", place + 1)[place].decode()


def _load(connection: Connection, table: Mapping[str, Any], folder: Path) -> None:
    names = ", ".join(f'"{name}"' for name, _ in table["columns"])
    with gzip.open(folder / table["file"], "rb") as lines:
        if connection.dialect.name == "postgresql":
            statement = f'COPY "{table["name"]}" ({names}) FROM STDIN'
            with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
                while piece := lines.read(AT_ONCE):
                    copy.write(piece)
        else:
            _insert(connection, table, names, lines)


def _insert(connection: Connection, table: Mapping[str, Any], names: str, lines: Iterable[bytes]) -> None:
    kinds = [kind for _, kind in table["columns"]]
    marks = ", ".join("?" for _ in kinds)
    statement = f'INSERT INTO "{table["name"]}" ({names}) VALUES ({marks})'  # noqa: S608  names of ours
    rows = (tuple(read_line(line, kinds)) for line in lines)
    while some := list(islice(rows, _ROWS)):
        connection.exec_driver_sql(statement, some)


def _raise_epochs(connection: Connection, made_at: datetime, now: datetime) -> None:
    """They have to lie behind everything that was given out before."""
    ahead = EPOCHS_AHEAD + max(0, int((now - made_at).total_seconds()))
    connection.execute(update(gateways).values(epoch=gateways.c.epoch + ahead, epoch_at=now))


def _go_on(connection: Connection) -> None:
    """So have positions."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence('events', 'position'), GREATEST({_LAST}, 1))"))
    else:
        # deleted events may have had higher ones than any that is left
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'events'"))
        connection.execute(text(f"INSERT INTO sqlite_sequence (name, seq) SELECT 'events', max({_LAST})"))
