"""partitions of events, and events apart"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = "0009"
down_revision = "0008"

FREED = ("checkpoints", "event_hours", "messages")
INDEXES = {
    "ix_events_org_gateway_id_id": "(org, gateway_id, id)",
    "ix_events_org_user_id_id": "(org, user_id, id) WHERE user_id IS NOT NULL",
    "ix_events_org_agent_id_id": "(org, agent_id, id) WHERE agent_id IS NOT NULL",
    "ix_events_org_xid_position": "(org, xid, position)",
    "ix_events_org_configuration_id_id": "(org, configuration_id, id)",
    "ix_events_org_verdict_id": "(org, verdict, id) WHERE verdict <> 'allowed'",
    "ix_events_org_reason_code_id": "(org, reason_code, id) WHERE reason_code <> 'all_policies_passed'",
}
DAYS_AHEAD = 3


def upgrade() -> None:
    # these tables lie beside the events, which may be in a database that has no organisations
    for table in FREED:
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(f"fk_{table}_org", type_="foreignkey")
    op.create_table(
        "events_apart",
        sa.Column("pair", sa.String(length=64), nullable=False),
        sa.Column("since", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("pair", name=op.f("pk_events_apart")),
    )
    op.execute("DROP INDEX ix_events_org_user_id_id")
    if op.get_bind().dialect.name == "postgresql":
        _partition()
    else:
        for name in ("user_id", "agent_id", "reason_code"):
            _index(f"ix_events_org_{name}_id")


def _partition() -> None:
    connection = op.get_bind()
    op.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
    # ids are compared byte by byte, whatever the language of the database: bounds of partitions have to mean the same
    op.execute('ALTER TABLE events ALTER COLUMN id TYPE varchar(64) COLLATE "C"')
    op.execute("ALTER TABLE events DROP CONSTRAINT pk_events")
    op.execute("ALTER TABLE events RENAME TO events_before")
    op.execute("ALTER TABLE events_before RENAME CONSTRAINT uq_events_org_id TO uq_events_before_org_id")
    for name in INDEXES:
        op.execute(f"ALTER INDEX IF EXISTS {name} RENAME TO {name.replace('ix_events', 'ix_events_before')}")
    op.execute("CREATE TABLE events (LIKE events_before INCLUDING DEFAULTS) PARTITION BY RANGE (id)")
    op.execute("ALTER SEQUENCE events_position_seq OWNED BY events.position")
    op.execute("ALTER TABLE events ADD CONSTRAINT uq_events_org_id UNIQUE (org, id)")
    for name in INDEXES:
        _index(name)
    today = datetime.now(UTC).date()
    filled = connection.execute(sa.text("SELECT 1 FROM events_before LIMIT 1")).first() is not None
    first = today + timedelta(days=1) if filled else today - timedelta(days=1)
    op.execute("CREATE TABLE events_default PARTITION OF events DEFAULT")
    if filled:
        _attach_before(_lowest(first))
    else:
        op.execute("DROP TABLE events_before")
    for number in range((today - first).days + DAYS_AHEAD + 1):
        _daily(first + timedelta(days=number))


def _attach_before(bound: str) -> None:
    """What was stored until now becomes one partition; of a clock that runs ahead, the default has it."""
    everything = ", ".join(row[0] for row in op.get_bind().execute(sa.text(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0 ORDER BY attnum"
    )))
    op.execute(
        f"WITH moved AS (DELETE FROM events_before WHERE id >= '{bound}' RETURNING {everything}) "
        f"INSERT INTO events_default ({everything}) SELECT {everything} FROM moved"
    )
    op.execute(f"ALTER TABLE events ATTACH PARTITION events_before FOR VALUES FROM (MINVALUE) TO ('{bound}')")


def _daily(day) -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM events_default LIMIT 1")).first() is not None:
        return  # the server moves what is there and makes the partition
    op.execute(
        f"CREATE TABLE events_{day:%Y%m%d} PARTITION OF events "
        f"FOR VALUES FROM ('{_lowest(day)}') TO ('{_lowest(day + timedelta(days=1))}')"
    )


def _lowest(day) -> str:
    milliseconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    return f"evt_{milliseconds:012x}{'0' * 20}"


def _index(name: str) -> None:
    op.execute(f"CREATE INDEX {name} ON events {INDEXES[name]}")
