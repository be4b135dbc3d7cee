"""Tables of what is done in the background: leases, webhooks and their deliveries, exports."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text
from sqlalchemy.sql.schema import ForeignKeyConstraint

from keeptrusts.store.columns import Bytes, Id, Json, Long, Serial, UtcTime, Word, metadata


def _org() -> Column[str]:
    return Column("org", Id, ForeignKey("organisations.id"), nullable=False)


jobs: Final = Table(
    "jobs",
    metadata,
    Column("queue", Word, primary_key=True),
    Column("id", Id, primary_key=True),
    _org(),
    Column("due_at", UtcTime, nullable=False),
    Column("leased_until", UtcTime, nullable=True),
    Column("lease_token", Id, nullable=True),
    Column("attempts", Integer, nullable=False),
    Index("ix_jobs_queue_due_at", "queue", "due_at"),
)

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("url", Long, nullable=False),
    Column("description", Long, nullable=True),
    Column("event_types", Json, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("format", Word, nullable=True),
    Column("header_names", Json, nullable=False),
    Column("headers", Bytes, nullable=True),
    Column("secret", Bytes, nullable=False),
    Column("secret_version", Integer, nullable=False),
    Column("previous_secret", Bytes, nullable=True),
    Column("previous_until", UtcTime, nullable=True),
    Column("failing_since", UtcTime, nullable=True),
    Column("disabled_reason", Word, nullable=True),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("org", "id"),
)
"""`format` NULL: guessed from the URL. `secret`, `previous_secret` and `headers` are sealed (`store.sealing`)."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("webhook_id", Id, nullable=False),
    Column("event_type", Word, nullable=False),
    Column("data", Json, nullable=False),
    Column("state", Word, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=True),
    Column("last_status", Integer, nullable=True),
    Column("last_error", Long, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("delivered_at", UtcTime, nullable=True),
    ForeignKeyConstraint(["org", "webhook_id"], ["webhooks.org", "webhooks.id"], ondelete="CASCADE"),
    Index("ix_deliveries_webhook_id_id", "webhook_id", "id"),
    Index(
        "ix_deliveries_webhook_id_next_attempt_at_id",
        "webhook_id",
        "next_attempt_at",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_deliveries_created_at", "created_at"),
)
"""`created_at` is the time of the message, which does not change over attempts."""

exports: Final = Table(
    "exports",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("type", Word, nullable=False),
    Column("format", Word, nullable=False),
    Column("window_from", UtcTime, nullable=False),
    Column("window_to", UtcTime, nullable=False),
    Column("filters", Json, nullable=False),
    Column("state", Word, nullable=False),
    Column("rows_done", Serial, nullable=False),
    Column("rows_total", Serial, nullable=True),
    Column("size_bytes", Serial, nullable=True),
    Column("sha256", Word, nullable=True),
    Column("error", Long, nullable=True),
    Column("archive", Word, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("completed_at", UtcTime, nullable=True),
    Column("expires_at", UtcTime, nullable=True),
    Column("content", Word, nullable=True),
    Index("ix_exports_org_id", "org", "id"),
    Index("ix_exports_state_expires_at", "state", "expires_at"),
)
"""`archive`: name of the file, without its ending; each attempt writes one of its own."""
