"""
Reads a backup into an empty database: all of it or nothing.

The epochs of gateways rise by more than they can have risen since the backup was made: a gateway refuses a bundle whose
epoch is lower than one it has seen, and would otherwise hear nothing of what is changed after the restore.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, literal, select, text, update
from sqlalchemy import table as table_named

from keeptrusts.store import partitions
from keeptrusts.store.apart import EVENTS, databases_of, make_pair
from keeptrusts.store.backup import AT_ONCE, read_manifest
from keeptrusts.store.copy_text import read_line
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.key_file import as_table, check, forget_strangers, key_file
from keeptrusts.store.migrating import bring, revision_of
from keeptrusts.store.tables import events, gateways
from keeptrusts.store.transaction import Store

EPOCHS_AHEAD: Final = 1000
"""Besides one for each second since the backup: nobody changes a gateway more often than that for long."""
_ROWS: Final = 1000
_LOCK: Final = 0x6B74_7265_7374  # "ktrest"
_LAST: Final = (
    "COALESCE((SELECT max(position) FROM events), 0), COALESCE((SELECT max(last_position) FROM checkpoints), 0)"
)


def restore(
    store: Store, folder: Path, secret: bytes, keys: Path | None = None, *, contents: bool = True
) -> dict[str, Any]:
    """
    Fill an empty database; the manifest of what it was filled with.

    A backup of an earlier version fills a database of that shape, which then becomes one of today's.

    Args:
        keys: The keys of contents; None: those beside the folder.
        contents: Whether these have to be there. Without keys what the backup holds of contents cannot be read.

    Raises:
        InputError: It is no backup, was changed, or was made with another secret key or by a later version.
        ConflictError: The database is not empty.
        StoreUnavailableError: The database is away or full.
    """
    with _without_a_trace(store):
        return _restore(store, folder, secret, (keys or key_file(folder, secret)) if contents else None)


@contextmanager
def _without_a_trace(store: Store) -> Iterator[None]:
    """Files of SQLite that are new go again when it fails: a server would begin anew with them."""
    new = [Path(str(each.engine.url.database)) for each in databases_of(store) if is_sqlite(each.engine)]
    new = [path for path in new if not path.exists() or path.stat().st_size == 0]
    try:
        yield
    except BaseException:
        for each in databases_of(store):
            each.engine.dispose()
        for path in new:
            for kind in ("", "-wal", "-shm"):
                Path(f"{path}{kind}").unlink(missing_ok=True)
        raise


def _restore(store: Store, folder: Path, secret: bytes, keys: Path | None) -> dict[str, Any]:
    manifest = read_manifest(folder, secret)
    if keys is not None:
        check(keys, manifest.get("content_keys", 0))
    with store.write() as tx, store.events.write() if store.apart else nullcontext(tx) as beside:
        both = [tx, beside] if store.apart else [tx]
        for each in both:
            _take(each.connection, manifest["revision"], apart=store.apart)
        for table in manifest["tables"]:
            there = beside.connection if table["name"] in EVENTS else tx.connection
            if table["name"] == events.name and partitions.are_there(there):
                partitions.make(there, partitions.days_of(_ids(table, folder)))
            _load(there, table, folder)
        for each in both:
            bring(each.connection)
        if keys is not None and keys.exists():
            _load(beside.connection, as_table(keys), keys.parent)
            forget_strangers(beside.connection)
        _raise_epochs(tx.connection, datetime.fromisoformat(manifest["made_at"]), tx.now)
        _go_on(beside.connection)
        if store.apart:
            make_pair(tx, beside)
    return manifest


def _take(connection: Connection, revision: str, *, apart: bool) -> None:
    """
    Give an empty database the shape of the backup. One that was migrated, and holds nothing, is as good as new.

    Raises:
        ConflictError: It is not empty.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = inspect(connection).get_table_names()
    fits = revision_of(connection) == revision
    if found and not (fits and not any(_has_rows(connection, name) for name in found if name != "alembic_version")):
        both = "; both have to be: that of the events, and the other" if apart else ""
        raise ConflictError(f"the database is not empty; restore into a new one{both}")
    if not found:
        bring(connection, revision)


def _has_rows(connection: Connection, name: str) -> bool:
    return connection.execute(select(literal(1)).select_from(table_named(name)).limit(1)).first() is not None


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
