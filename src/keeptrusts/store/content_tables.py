"""The table of keys that contents of events are encrypted with."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table

from keeptrusts.store.columns import Bytes, Id, metadata

content_keys: Final = Table(
    "content_keys",
    metadata,
    Column("org", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("sealed", Bytes, nullable=False),
)
"""
One key for each content, sealed (`store.sealing`). It lies beside the events and goes with its event; without it the
content cannot be read wherever there is a copy. Backups of the rest do not have it (`store.backup`).
"""
