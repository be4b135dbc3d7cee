"""A database as an earlier version left it."""

from __future__ import annotations

import re
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from keeptrusts.store.transaction import Store
from support.records import event_id

ORG = "org_" + "1" * 32


def is_partition(name: str) -> bool:
    """Whether a table is a part of `events`."""
    return re.fullmatch(r"events_(\d{8}|default|before)", name) is not None


def migrate_to(store: Store, revision: str) -> None:
    """Up to this revision, and one organisation in it."""
    config = Config()
    config.set_main_option("script_location", "keeptrusts.store:migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx.connection
        command.upgrade(config, revision)
        moment = "now()" if tx.connection.dialect.name == "postgresql" else "0"
        tx.connection.execute(text(f"INSERT INTO organisations VALUES ('{ORG}', 'first', {moment})"))


def insert_event(store: Store, *, at: float | None = None, **columns: Any) -> str:
    """A row, whatever the revision; its id."""
    row = {
        "org": ORG, "id": event_id(at), "event_type": "decision", "verdict": "allowed", "reason_code": "",
        "instance_id": "gwi_1", "sequence": 1, "acted": "|", **columns,
    }  # fmt: skip
    row.setdefault("body", f'{{"id":"{row["id"]}"}}')
    with store.write() as tx:
        postgres = tx.connection.dialect.name == "postgresql"
        row.setdefault("received_at", "now" if postgres else 1)
        if postgres:
            row.setdefault("xid", tx.connection.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar())
        marks = ", ".join(f":{name}" for name in row)
        tx.connection.execute(text(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})"), row)
    return str(row["id"])
