"""Positions of events are never given twice: retention deletes the newest, and what comes then is not overlooked."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import text

from keeptrusts.control.checkpointing import look
from keeptrusts.control.retaining import forget_some, seal
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.store.backup import back_up
from keeptrusts.store.engine import open_engine
from keeptrusts.store.events import Cursor, Events, Filters
from keeptrusts.store.migrating import migrate
from keeptrusts.store.restoring import restore
from keeptrusts.store.transaction import Store
from keeptrusts.trail.checkpoints import entry
from support.control import Databases, Plane
from support.migrations import ORG, insert_event, migrate_to
from support.records import Instance

YEAR = 366 * 24 * 3600.0


def followed(store: Store, org: str, cursor: Cursor) -> int:
    with store.read() as tx:
        return len(Events(tx.connection, org).after(cursor, Filters(exact={}), limit=100)[0])


def now(store: Store, org: str) -> Cursor:
    with store.read() as tx:
        return Events(tx.connection, org).now()


def test_what_comes_after_all_was_deleted_is_sealed_and_followed(still: Plane, settings: Settings) -> None:
    """Also in a database that was restored from a backup of that moment."""
    one, store = Instance(), still.services.store
    records = [one.decision(at=time.time() - YEAR) for _ in range(3)]
    still.admin.made("/v1/gateway/events", {"events": records})
    assert look(still.services, at_once=True) == 1
    cursor = now(store, still.org)
    assert forget_some(still.services, still.org) == 3
    seal(still.services, still.org)
    folder, secret = settings.data_dir / "backup", secret_key(settings)
    back_up(store, folder, secret)
    for record in (one.decision(), one.decision()):
        still.admin.made("/v1/gateway/events", {"events": [record]})
        assert look(still.services, at_once=True) == 1
        assert still.admin.get(f"/v1/trail/proof/{record['id']}").status_code == 200
    assert followed(store, still.org, cursor) == 2
    other = Store(open_engine(f"sqlite:///{settings.data_dir / 'other.db'}"))
    restore(other, folder, secret)
    before = now(other, still.org)
    insert_event(other, org=still.org)
    with other.read() as tx:
        assert tx.connection.execute(text("SELECT position FROM events")).scalar_one() > 3
    assert followed(other, still.org, before) == 1
    other.close()


def test_a_filled_database_is_repaired(databases: Databases, tmp_path: Path) -> None:
    """Of an earlier version: positions go on behind the checkpoints, and what had been overlooked is sealed now."""
    url = databases.empty()
    if not url.startswith("sqlite"):
        return  # a sequence of PostgreSQL never goes back
    store = Store(open_engine(url))
    migrate_to(store, "0007")
    kept = insert_event(store, received_at=10)
    last = insert_event(store, received_at=10)
    entries = b"".join(entry(one, b"", None) for one in (kept, last))
    with store.write() as tx:
        tx.connection.execute(
            text(
                'INSERT INTO checkpoints VALUES (:org, 1, \'{"highest_id":"","highest_id_before":""}\', '
                "'k', 's', 'd', :entries, :low, :high, 0, 2, 20)"
            ),
            {"org": ORG, "entries": entries, "low": kept, "high": last},
        )
        tx.connection.execute(text("DELETE FROM events WHERE position = 2"))
    overlooked = insert_event(store, received_at=30)
    with store.read() as tx:
        behind = tx.connection.execute(text("SELECT count(*) FROM events WHERE (xid, position) > (0, 2)")).scalar_one()
    assert behind == 0, "it got the position of the one that was deleted"
    assert migrate(store)[0] == "0007"
    fresh = insert_event(store, received_at=40)
    with store.read() as tx:
        rows = tx.connection.execute(text("SELECT id, position FROM events ORDER BY position")).all()
    assert [tuple(row) for row in rows] == [(kept, 1), (overlooked, 3), (fresh, 4)]
    assert followed(store, ORG, Cursor(0, 2)) == 2
    store.close()
