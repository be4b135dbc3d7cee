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


def migrate(store: Store) -> tuple[str | None, str]:
    """
    Upgrade to the newest revision.

    Returns:
        The revision before (None: the database was empty) and after.
    """
    # alembic tells its steps at INFO; the caller says what was done
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with store.write() as tx:
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _revision(tx.connection)
        config = _config()
        config.attributes["connection"] = tx.connection
        command.upgrade(config, "head")
    return before, newest()


def newest() -> str:
    """The revision this version of Keeptrusts needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is a first migration"
    return head


def require_current(store: Store) -> None:
    """
    Check that the database has the shape this version needs.

    Raises:
        StoreUnavailableError: It is older or newer, or it cannot be reached.
    """
    with store.read() as tx:
        found = _revision(tx.connection)
    if found != newest():
        raise StoreUnavailableError(
            f"the database is at revision {found or 'none'} and this version needs {newest()}; run `kt server migrate`",
            code="not_migrated",
        )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "keeptrusts.store:migrations")
    return config
