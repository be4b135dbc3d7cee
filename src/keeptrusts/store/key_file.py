"""
The keys of contents in a file of their own, which each backup replaces.

Old backups lie about for years. They hold contents encrypted, and not the keys: so there is one file of keys for all of
them, that of the newest, and what was erased since cannot be read out of any.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import secrets
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from keeptrusts.core.errors import InputError
from keeptrusts.store.content_tables import content_keys
from keeptrusts.store.copy_text import kind_of
from keeptrusts.store.tables import events

_PIECE: Final = 1 << 20


def key_file(folder: Path, secret: bytes) -> Path:
    """Beside the backups, by the secret key: installations that back up to one place do not replace each other's."""
    name = hashlib.sha256(b"keeptrusts key file\x00" + secret).hexdigest()[:8]
    return folder.absolute().with_name(f"content-keys-{name}.copy.gz")


def replace(path: Path, lines: Iterable[bytes]) -> int:
    """Write these keys instead of those that were there, all at once; how many."""
    rows = 0
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as out:
                for piece in lines:
                    rows += piece.count(b"\n")
                    out.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


def check(path: Path, expected: int) -> None:
    """
    Raises:
        InputError: It is not there though there are keys, or it is not whole.
    """
    if not path.exists():
        if expected:
            raise InputError(
                f"the keys of the contents of {expected} events are not in the backup but in `{path}`, which is not "
                "there: give `--content-keys FILE`, or restore with `--without-contents`"
            )
        return
    try:
        with gzip.open(path, "rb") as lines:
            while lines.read(_PIECE):
                pass
    except (OSError, EOFError, zlib.error):
        raise InputError(f"`{path}` is not whole; take another copy of it") from None


def as_table(path: Path) -> dict[str, Any]:
    """As the manifest of a backup describes a table."""
    columns = [[column.name, kind_of(column)] for column in content_keys.columns]
    return {"name": content_keys.name, "file": path.name, "columns": columns}


def forget_strangers(connection: Connection) -> None:
    """A newer file has keys of events that an older backup does not hold."""
    there = select(events.c.id).where(events.c.org == content_keys.c.org, events.c.id == content_keys.c.event_id)
    connection.execute(delete(content_keys).where(~there.exists()))
