"""Tables of what people do: how they sign in, escalations, letters about them, and the secrets they hand in."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text
from sqlalchemy.sql.schema import ForeignKeyConstraint

from keeptrusts.store.columns import Bytes, Id, Json, Long, UtcTime, Word, metadata

sign_in_links: Final = Table(
    "sign_in_links",
    metadata,
    Column("code_hash", Word, primary_key=True),
    Column("org", Id, ForeignKey("organisations.id"), nullable=False),
    Column("key_id", Id, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)
"""Each signs one person in to the console, with the rights of this key; used or not, it ends with its row."""

escalations: Final = Table(
    "escalations",
    metadata,
    Column("org", Id, ForeignKey("organisations.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("state", Word, nullable=False),
    Column("outcome", Word, nullable=True),
    Column("reason", Long, nullable=True),
    Column("stage", Word, nullable=False),
    Column("policy", Word, nullable=False),
    Column("reason_code", Word, nullable=False),
    Column("message", Long, nullable=False),
    Column("event_id", Word, nullable=False),
    Column("gateway_id", Word, nullable=True),
    Column("instance_id", Word, nullable=True),
    Column("configuration_id", Word, nullable=True),
    Column("configuration_version", Integer, nullable=True),
    Column("model", Word, nullable=True),
    Column("user_id", Word, nullable=True),
    Column("agent_id", Word, nullable=True),
    Column("key_id", Word, nullable=True),
    Column("request_digest", Word, nullable=False),
    Column("held_digest", Word, nullable=False),
    Column("media_type", Word, nullable=False),
    Column("held", Bytes, nullable=True),
    Column("assignee", Word, nullable=True),
    Column("claimed_by", Word, nullable=True),
    Column("claimed_key", Id, nullable=True),
    Column("claimed_at", UtcTime, nullable=True),
    Column("resolved_by", Word, nullable=True),
    Column("resolved_at", UtcTime, nullable=True),
    Column("due_at", UtcTime, nullable=False),
    Column("usable_until", UtcTime, nullable=True),
    Column("redeemed_at", UtcTime, nullable=True),
    Column("redeemed_by", Word, nullable=True),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_escalations_org_state_id", "org", "state", "id"),
    Index(
        "ix_escalations_due_at",
        "due_at",
        sqlite_where=text("state IN ('queued', 'claimed')"),
        postgresql_where=text("state IN ('queued', 'claimed')"),
    ),
    Index(
        "ix_escalations_usable_until",
        "usable_until",
        sqlite_where=text("held IS NOT NULL"),
        postgresql_where=text("held IS NOT NULL"),
    ),
)
"""
The gateway chooses the id, so it is unique in its organisation only.

`held` is sealed (`store.sealing`) and goes when it can be redeemed no more. `redeemed_by`: the event of the request
that got it.
"""

letters: Final = Table(
    "letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org", Id, ForeignKey("organisations.id"), nullable=False),
    Column("escalation_id", Id, nullable=False),
    Column("recipient", Long, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["org", "escalation_id"], ["escalations.org", "escalations.id"], ondelete="CASCADE"),
)
"""E-mails that are still to be sent. The text is made when it is sent, of the escalation as it is then."""

variables: Final = Table(
    "config_variables",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org", Id, ForeignKey("organisations.id"), nullable=False),
    Column("name", Word, nullable=False),
    Column("description", Long, nullable=True),
    Column("value", Bytes, nullable=False),
    Column("allowed_hosts", Json, nullable=True),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", Word, nullable=False),
    UniqueConstraint("org", "name"),
)
"""`value` is sealed (`store.sealing`), bound to its row and version."""
