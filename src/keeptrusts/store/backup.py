"""
Writes everything a control plane keeps into a folder, and reads it back into an empty database of either engine.

One transaction sees one moment of every table. Each table is a compressed file of COPY lines; the manifest has their
digests and is authenticated by the secret key, so that a restore takes nothing that was changed or cut.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select, text

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.errors import InputError
from keeptrusts.core.version import VERSION
from keeptrusts.store.apart import EVENTS, databases_of
from keeptrusts.store.columns import metadata, rfc3339
from keeptrusts.store.content_tables import content_keys
from keeptrusts.store.copy_text import kind_of, write_line
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.key_file import key_file, replace
from keeptrusts.store.migrating import is_known, newest
from keeptrusts.store.review_tables import sign_in_links
from keeptrusts.store.tables import events, events_apart, messages, organisations
from keeptrusts.store.trail_tables import checkpoints
from keeptrusts.store.transaction import Store, Tx

FORMAT: Final = "keeptrusts.backup.1"
MANIFEST: Final = "manifest.json"
AT_ONCE: Final = 1 << 20
SHIFTED: Final = {("events", "xid"), ("checkpoints", "last_xid")}
"""Transaction numbers: they mean nothing in another PostgreSQL, where they must lie before all that are to come."""


def back_up(store: Store, folder: Path, secret: bytes, keys: Path | None = None) -> dict[str, Any]:
    """
    Write `folder`, which appears when it is complete; its manifest.

    Args:
        keys: Where the keys of contents go, instead of those of the backup before; None: beside the folder.

    Raises:
        ConflictError: The folder is there already.
        StoreUnavailableError: The database is away.
    """
    draft = folder.with_name(f".{folder.name}.part")
    if folder.exists() or draft.exists():
        raise ConflictError(f"`{folder}` or its draft `{draft}` exists; choose another name or remove it")
    draft.mkdir(parents=True, mode=0o700)
    try:
        manifest = _write_all(store, draft, keys or key_file(folder, secret))
        manifest["mac"] = mac(manifest, secret)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def read_manifest(folder: Path, secret: bytes) -> dict[str, Any]:
    """
    What the backup says of itself, after a look at every file.

    Raises:
        InputError: It is no backup, was changed, or was made with another secret key or by a later version.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        stated = str(manifest.pop("mac"))
    except (OSError, ValueError, KeyError, AttributeError):
        raise InputError(f"`{folder}` is not a backup: its `{MANIFEST}` cannot be read") from None
    if not hmac.compare_digest(stated.encode(), mac(manifest, secret).encode()):
        raise InputError(
            "the backup was changed, or made with another secret key; set KEEPTRUSTS_SECRET_KEY to that one"
        )
    if manifest["format"] != FORMAT or not is_known(manifest["revision"]):
        made_by = manifest["keeptrusts_version"]
        raise InputError(
            f"the backup is of a later version: its revision is {manifest['revision']}, and {VERSION} knows those up "
            f"to {newest()}; install {made_by}, which made it, or a later one, and restore with that",
            code="newer_backup",
        )
    for table in manifest["tables"]:
        path = folder / table["file"]
        if not path.is_file() or digest_of(path) != table["sha256"]:
            raise InputError(f"`{path}` is not what the manifest says; take another copy of the backup")
    return manifest


def mac(manifest: dict[str, Any], secret: bytes) -> str:
    """Over everything but itself."""
    key = hashlib.sha256(b"keeptrusts backup\x00" + secret).digest()
    return hmac.new(key, canonical_json(manifest), hashlib.sha256).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def all_tables() -> list[Table]:
    """
    In an order in which none refers to a later one.

    Without `events_apart`: where the events are is not said by the backup, but by whoever restores it; and without
    `content_keys`, which have a file of their own (`store.key_file`), and `sign_in_links`, which are good for a day.
    """
    for path in sorted(Path(__file__).parent.glob("*tables.py")):
        import_module(f"keeptrusts.store.{path.stem}")
    return [table for table in metadata.sorted_tables if table not in {events_apart, content_keys, sign_in_links}]


def _write_all(store: Store, draft: Path, keys: Path) -> dict[str, Any]:
    with ExitStack() as opened:
        # events first: what their outbox has told since is then in the other as well, and is told once
        parts = [opened.enter_context(_one_moment(each)) for each in reversed(databases_of(store))]
        tx, beside = parts[-1], parts[0].connection
        shift = _last_transaction(beside)
        tables = [
            _write(beside if table.name in EVENTS else tx.connection, table, draft, shift) for table in all_tables()
        ]
        if store.apart:
            tables.append(_write(beside, messages, draft, shift, name="messages-of-events"))
        # before the folder is there: what it holds can be read from then on
        count = replace(keys, _lines(beside, content_keys, 0))
        return {
            "format": FORMAT,
            "keeptrusts_version": VERSION,
            "revision": newest(),
            "engine": tx.connection.dialect.name,
            "made_at": rfc3339(datetime.now(UTC)),
            "tables": tables,
            "content_keys": count,
        }


@contextmanager
def _one_moment(store: Store) -> Iterator[Tx]:
    with store.read() as tx:
        if not is_sqlite(store.engine):
            tx.connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        # the first look: from then on every table is seen as of this moment
        tx.connection.execute(select(organisations.c.id).limit(1)).first()
        yield tx


def _last_transaction(connection: Connection) -> int:
    found = (connection.execute(select(func.max(one))).scalar() for one in (events.c.xid, checkpoints.c.last_xid))
    return max(0, *(one or 0 for one in found))


def _write(connection: Connection, table: Table, draft: Path, shift: int, *, name: str = "") -> dict[str, Any]:
    path = draft / f"{name or table.name}.copy.gz"
    rows = 0
    with gzip.GzipFile(path, "wb", compresslevel=3, mtime=0) as out:
        for piece in _lines(connection, table, shift):
            rows += piece.count(b"\n")
            out.write(piece)
    path.chmod(0o600)
    columns = [[column.name, kind_of(column)] for column in table.columns]
    return {"name": table.name, "file": path.name, "columns": columns, "rows": rows, "sha256": digest_of(path)}


def _lines(connection: Connection, table: Table, shift: int) -> Iterator[bytes]:
    shown = ", ".join(
        f'"{one.name}" - {shift}' if (table.name, one.name) in SHIFTED else f'"{one.name}"' for one in table.columns
    )
    query = f'SELECT {shown} FROM "{table.name}"'  # noqa: S608  names of ours
    if connection.dialect.name == "postgresql":
        with connection.connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:  # type: ignore[attr-defined]
            for piece in copy:
                yield bytes(piece)
        return
    kinds = [kind_of(one) for one in table.columns]
    for row in connection.execution_options(yield_per=1000).exec_driver_sql(query):
        yield write_line(row, kinds)
