"""Tables of the control plane's core. Every row names its organisation; every query is scoped by it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text
from sqlalchemy.sql.schema import ForeignKeyConstraint

from keeptrusts.core.verdict import PASSED
from keeptrusts.store.columns import Bytes, Id, Json, Long, Serial, UtcTime, Word, metadata


def _org() -> Column[str]:
    return Column("org", Id, ForeignKey("organisations.id"), nullable=False)


def _partial(column: str, where: str, *checked: str) -> Index:
    """
    For finding the few: a row that everybody has is not in it.

    `checked` are columns behind the id, which a search can compare without reading rows. PostgreSQL has room for three
    texts in all that others choose: 800 bytes each, of 2,704.
    """
    name = "_".join(("ix_events_org", column, "id", *checked))
    return Index(name, "org", column, "id", *checked, sqlite_where=text(where), postgresql_where=text(where))


_ACTED: Final = text("acted <> '|'")
_FEW: Final = f"(verdict <> 'allowed' OR reason_code <> '{PASSED}')"
"""So few that they stay in memory, where all events of a user or an agent are spread over the disk."""

organisations: Final = Table(
    "organisations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Word, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

keys: Final = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("kind", Word, nullable=False),
    Column("name", Word, nullable=False),
    Column("role", Word, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("gateway_id", Id, nullable=True),
    Column("secret_hash", Bytes, nullable=False),
    Column("prefix", Word, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=True),
    Column("last_used_at", UtcTime, nullable=True),
    Column("revoked_at", UtcTime, nullable=True),
    Index("ix_keys_org_gateway_id", "org", "gateway_id"),
)

configurations: Final = Table(
    "configurations",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("name", Word, nullable=False),
    Column("description", Long, nullable=True),
    Column("labels", Json, nullable=False),
    Column("managed_by", Word, nullable=False),
    Column("policy_yaml", Long, nullable=False),
    Column("policy_kinds", Json, nullable=False),
    Column("content_digest", Word, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", Word, nullable=False),
    UniqueConstraint("org", "name"),
    UniqueConstraint("org", "id"),
)

versions: Final = Table(
    "configuration_versions",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("configuration_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("policy_yaml", Long, nullable=False),
    Column("policy_kinds", Json, nullable=False),
    Column("content_digest", Word, nullable=False),
    Column("message", Long, nullable=True),
    Column("author", Word, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("configuration_id", "version"),
    ForeignKeyConstraint(["org", "configuration_id"], ["configurations.org", "configurations.id"], ondelete="CASCADE"),
)

gateways: Final = Table(
    "gateways",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("name", Word, nullable=False),
    Column("description", Long, nullable=True),
    Column("labels", Json, nullable=False),
    Column("environment", Word, nullable=True),
    Column("configuration_id", Id, nullable=True),
    Column("configuration_version", Integer, nullable=True),
    Column("fail_mode", Word, nullable=False),
    Column("deployment", Json, nullable=False),
    Column("stable_configuration_id", Id, nullable=True),
    Column("stable_version", Integer, nullable=True),
    Column("canary_lead", Word, nullable=True),
    Column("epoch", Integer, nullable=False),
    Column("epoch_at", UtcTime, nullable=False),
    Column("told_status", Word, nullable=False, server_default=text("'never_seen'")),
    Column("told_drift", Boolean, nullable=False, server_default=text("false")),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("org", "name"),
    UniqueConstraint("org", "id"),
    ForeignKeyConstraint(["org", "configuration_id"], ["configurations.org", "configurations.id"]),
    Index("ix_gateways_configuration_id", "configuration_id"),
)

instances: Final = Table(
    "gateway_instances",
    metadata,
    _org(),
    Column("gateway_id", Id, primary_key=True),
    Column("instance_id", Word, primary_key=True),
    Column("version", Word, nullable=False),
    Column("active_digest", Word, nullable=True),
    Column("epoch", Integer, nullable=True),
    Column("degraded", Boolean, nullable=False),
    Column("last_error", Long, nullable=True),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("head_sequence", Serial, nullable=True),
    Column("head_hash", Word, nullable=True),
    ForeignKeyConstraint(["org", "gateway_id"], ["gateways.org", "gateways.id"], ondelete="CASCADE"),
)

audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True),
    _org(),
    Column("at", UtcTime, nullable=False),
    Column("actor", Word, nullable=False),
    Column("action", Word, nullable=False),
    Column("object_type", Word, nullable=False),
    Column("object_id", Word, nullable=False),
    Column("before_digest", Word, nullable=True),
    Column("after_digest", Word, nullable=True),
    Column("ip", Word, nullable=True),
    Column("request_id", Id, nullable=False),
    Index("ix_audit_log_org_id", "org", "id"),
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    _org(),
    Column("actor", Id, primary_key=True),
    Column("key_hash", Word, primary_key=True),
    Column("request_hash", Word, nullable=False),
    Column("answer", Bytes, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)

messages: Final = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org", Id, nullable=False),
    Column("type", Word, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
"""The outbox: what webhooks are to be told, written with the change itself (`Tx.publish`); delivery deletes it."""

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("public_key", Bytes, nullable=False),
    Column("private_key", Bytes, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime, nullable=True),
)
"""Of the installation, not of one organisation. `private_key` is sealed (`store.sealing`)."""

events: Final = Table(
    "events",
    metadata,
    Column("position", Serial, primary_key=True, autoincrement=True),
    Column("org", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("xid", Serial, nullable=False, server_default=text("0")),
    Column("received_at", UtcTime, nullable=False),
    Column("event_type", Word, nullable=False),
    Column("verdict", Word, nullable=False),
    Column("reason_code", Word, nullable=False),
    Column("gateway_id", Word, nullable=True),
    Column("instance_id", Word, nullable=False),
    Column("sequence", Serial, nullable=False),
    Column("configuration_id", Word, nullable=True),
    Column("model", Word, nullable=True),
    Column("provider", Word, nullable=True),
    Column("user_id", Word, nullable=True),
    Column("agent_id", Word, nullable=True),
    Column("request_id", Word, nullable=True),
    Column("acted", Long, nullable=False),
    Column("body", Long, nullable=False),
    Column("content", Long, nullable=True),
    UniqueConstraint("org", "id"),
    Index("ix_events_org_gateway_id_id", "org", "gateway_id", "id"),
    _partial("model", "model IS NOT NULL"),
    _partial("user_id", "user_id IS NOT NULL"),
    _partial("user_id", f"user_id IS NOT NULL AND {_FEW}", "verdict", "reason_code"),
    _partial("agent_id", "agent_id IS NOT NULL"),
    _partial("agent_id", f"agent_id IS NOT NULL AND {_FEW}", "verdict", "reason_code"),
    Index("ix_events_org_xid_position", "org", "xid", "position"),
    Index("ix_events_org_configuration_id_id", "org", "configuration_id", "id"),
    _partial("verdict", "verdict <> 'allowed'", "gateway_id", "configuration_id", "model"),
    _partial("reason_code", f"reason_code <> '{PASSED}'", "gateway_id", "configuration_id"),
    _partial("event_type", "event_type <> 'decision'"),
    Index("ix_events_org_id_acted", "org", "id", sqlite_where=_ACTED, postgresql_where=_ACTED),
    sqlite_autoincrement=True,
)
"""
`body` is the event's JSON text exactly as it is hashed into its chain; the other columns are for finding it. `content`
is what the hash leaves out (`trail.contents`), base64 of AES-256-GCM under the key in `content_keys`.

`xid` is the writing transaction on PostgreSQL (a reader takes only what lies below the horizon) and 0 on SQLite, where
one writer at a time makes `position` enough: it is never given twice, also when retention has deleted its row. `acted`
lists the kinds that did not simply allow, as `|a|b|`.

On PostgreSQL the table is partitioned by day (`store.partitions`), and `position` has no index of its own.
"""

events_apart: Final = Table(
    "events_apart",
    metadata,
    Column("pair", Id, primary_key=True),
    Column("since", UtcTime, nullable=False),
)
"""One row, the same in both, when the events are in a database of their own (`store.apart`); none otherwise."""

quarantine: Final = Table(
    "event_quarantine",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org", Id, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("key_id", Id, nullable=False),
    Column("code", Word, nullable=False),
    Column("raw", Bytes, nullable=False),
    Index("ix_event_quarantine_org_id", "org", "id"),
)

chain_heads: Final = Table(
    "chain_heads",
    metadata,
    Column("org", Id, primary_key=True),
    Column("instance_id", Word, primary_key=True),
    Column("sequence", Serial, nullable=False),
    Column("hash", Word, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

chain_breaks: Final = Table(
    "chain_breaks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org", Id, nullable=False),
    Column("instance_id", Word, nullable=False),
    Column("event_id", Id, nullable=False),
    Column("code", Word, nullable=False),
    Column("expected_sequence", Serial, nullable=False),
    Column("found_sequence", Serial, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_chain_breaks_org_instance_id", "org", "instance_id"),
)
