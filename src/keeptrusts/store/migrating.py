"""
Brings a database to the shape this version needs: forward only, one at a time, all or nothing.

Several processes may start at once: PostgreSQL has them queue on an advisory lock, SQLite on `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import logging
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.transaction import Store

_LOCK: Final = 0x6B74_6D69_6772  # "ktmigr"
_OF_LATER: Final = (
    "the database is at revision {}, which a later version made; this one knows those up to {}: install the version "
    "that was used last, or restore a backup from before it into an empty database"
)


def migrate(store: Store) -> tuple[str | None, str]:
    """
    Upgrade to the newest revision.

    Returns:
        The revision before (None: the database was empty) and after.

    Raises:
        StoreUnavailableError: `newer_database`, or it cannot be reached.
    """
    with store.write() as tx:
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = revision_of(tx.connection)
        if before is not None and not is_known(before):
            raise StoreUnavailableError(_OF_LATER.format(before, newest()), code="newer_database")
        bring(tx.connection)
    return before, newest()


def bring(connection: Connection, revision: str = "head") -> None:
    """To this revision, inside the transaction that runs."""
    # alembic tells its steps at INFO; the caller says what was done
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def is_known(revision: str) -> bool:
    """Whether it is one of this version's, or of one before it."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def newest() -> str:
    """The revision this version of Keeptrusts needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is a first migration"
    return head


def require_current(store: Store) -> None:
    """
    Check that the database has the shape this version needs.

    Raises:
        StoreUnavailableError: `not_migrated` or `newer_database`, or it cannot be reached.
    """
    with store.read() as tx:
        found = revision_of(tx.connection)
    if found is not None and not is_known(found):
        raise StoreUnavailableError(_OF_LATER.format(found, newest()), code="newer_database")
    if found != newest():
        raise StoreUnavailableError(
            f"the database is at revision {found or 'none'} and this version needs {newest()}; run `kt server migrate`",
            code="not_migrated",
        )


def revision_of(connection: Connection) -> str | None:
    """None: it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "keeptrusts.store:migrations")
    return config
