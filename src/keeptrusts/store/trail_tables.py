"""Tables of what proves the events: signed checkpoints."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from keeptrusts.store.columns import Bytes, Id, Long, Serial, UtcTime, Word, metadata

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("org", Id, ForeignKey("organisations.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("payload", Long, nullable=False),
    Column("key_id", Id, nullable=False),
    Column("signature", Word, nullable=False),
    Column("digest", Word, nullable=False),
    Column("entries", Bytes, nullable=False),
    Column("lowest_id", Id, nullable=False),
    Column("highest_id", Id, nullable=False),
    Column("last_xid", Serial, nullable=False),
    Column("last_position", Serial, nullable=False),
    Column("sealed_at", UtcTime, nullable=False),
    Index("ix_checkpoints_org_last_xid_last_position", "org", "last_xid", "last_position"),
)
"""
`payload` is the signed text (`trail.checkpoints`), `entries` its leaves. `last_xid`, `last_position`: the cursor behind
its last event. Rows of events are deleted in their time; the entries stay, so that what was there stays provable.
"""
