"""The one migration tree on both engines."""

from __future__ import annotations

import importlib
import multiprocessing
import pkgutil
import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

import keeptrusts.store
from keeptrusts.store.columns import metadata
from keeptrusts.store.engine import open_engine
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.migrating import migrate, newest, require_current
from keeptrusts.store.transaction import Store
from support.control import Databases
from support.migrations import is_partition


def _migrate(url: str) -> None:
    migrate(Store(open_engine(url)))


def test_the_tables_are_what_the_migrations_make(databases: Databases) -> None:
    """Nothing was declared and not migrated, or the other way round."""
    for module in pkgutil.iter_modules(keeptrusts.store.__path__):
        importlib.import_module(f"keeptrusts.store.{module.name}")
    store = Store(open_engine(databases.fresh()))
    with store.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"include_name": _is_declared})
        assert compare_metadata(context, metadata) == []
    store.engine.dispose()


def _is_declared(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and is_partition(str(name)))


def test_from_empty_and_again(databases: Databases) -> None:
    """The first time everything, the second time nothing."""
    store = Store(open_engine(databases.empty()))
    with pytest.raises(StoreUnavailableError, match="kt server migrate") as refused:
        require_current(store)
    assert refused.value.code == "not_migrated"
    assert migrate(store) == (None, newest())
    assert migrate(store) == (newest(), newest())
    require_current(store)
    store.engine.dispose()


def test_four_processes_at_once(databases: Databases) -> None:
    """One does it, the others wait and find it done."""
    url = databases.empty()
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_migrate, args=(url,)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0, 0, 0, 0]
    store = Store(open_engine(url))
    require_current(store)
    store.engine.dispose()


def test_a_newer_database_is_refused(databases: Databases) -> None:
    """An old server does not work on what it does not know."""
    store = Store(open_engine(databases.fresh()))
    with store.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailableError):
        require_current(store)
    store.engine.dispose()


def test_sqlite_is_durable(databases: Databases) -> None:
    """Every connection has a write-ahead log and syncs each commit."""
    store = Store(open_engine(databases.fresh()))
    if store.engine.dialect.name == "sqlite":
        with store.read() as tx:
            assert tx.connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert tx.connection.execute(text("PRAGMA synchronous")).scalar() == 2
            assert tx.connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    else:
        with store.read() as tx:
            assert tx.connection.execute(text("SHOW fsync")).scalar() == "on"
            assert tx.connection.execute(text("SHOW transaction_read_only")).scalar() == "on"
    store.engine.dispose()
    assert sqlite3.threadsafety == 3
