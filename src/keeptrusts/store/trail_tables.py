"""Tables of what is made of events when they are sealed: signed checkpoints, and counts by hour and day."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, Table, text

from keeptrusts.store.columns import Bytes, Id, Long, Serial, UtcTime, Word, metadata

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("org", Id, primary_key=True),
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
    Column("by_day", Boolean, nullable=False, server_default=text("false")),
    Index("ix_checkpoints_org_last_xid_last_position", "org", "last_xid", "last_position"),
)
"""
`payload` is the signed text (`trail.checkpoints`), `entries` its leaves. `last_xid`, `last_position`: the cursor behind
its last event. Rows of events are deleted in their time; the entries stay, so that what was there stays provable.
`by_day`: its events are in `event_days`, with all before them; a server of an earlier version, which may still be at
work after the migration, does not say so.
"""


def _counts(name: str, time: str) -> Table:
    return Table(
        name,
        metadata,
        Column("org", Id, primary_key=True),
        Column(time, Integer, primary_key=True, autoincrement=False),
        Column("verdict", Word, primary_key=True),
        Column("gateway_id", Word, primary_key=True),
        Column("configuration_id", Word, primary_key=True),
        Column("model", Word, primary_key=True),
        Column("provider", Word, primary_key=True),
        Column("count", Serial, nullable=False),
    )


event_hours: Final = _counts("event_hours", "hour")
"""
Decisions of sealed segments. `hour`: hours since 1970 by the gateway's clock, as in the event's id. What an event does
not have is the empty text, since a key has no NULL.
"""

event_days: Final = _counts("event_days", "day")
"""The same by days since 1970, each from midnight to midnight UTC: the sums of its hours."""
