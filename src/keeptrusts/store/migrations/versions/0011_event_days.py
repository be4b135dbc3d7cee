"""counts by the day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

DIMENSIONS = ("verdict", "gateway_id", "configuration_id", "model", "provider")


def upgrade() -> None:
    # first, and on PostgreSQL it locks: whoever seals waits until the days are complete
    op.add_column("checkpoints", sa.Column("by_day", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "event_days",
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.String(length=200), nullable=False) for name in DIMENSIONS),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("org", "day", *DIMENSIONS, name=op.f("pk_event_days")),
    )
    names = ", ".join(DIMENSIONS)
    op.execute(
        f"INSERT INTO event_days (org, day, {names}, count) "
        f"SELECT org, hour / 24, {names}, sum(count) FROM event_hours GROUP BY org, hour / 24, {names}"
    )
    op.execute(
        "UPDATE checkpoints SET by_day = true "
        "WHERE number = (SELECT max(number) FROM checkpoints AS c WHERE c.org = checkpoints.org)"
    )
