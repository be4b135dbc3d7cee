"""contents of events apart, encrypted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # what is there already holds its content in `body`, where its hash covers it: that stays as it is
    op.add_column("events", sa.Column("content", sa.Text(), nullable=True))
    op.add_column("exports", sa.Column("content", sa.String(length=200), nullable=True))
    op.create_table(
        "content_keys",
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("org", "event_id", name=op.f("pk_content_keys")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # as that of the events: bounds of ids mean the same in both
        op.execute('ALTER TABLE content_keys ALTER COLUMN event_id TYPE varchar(64) COLLATE "C"')
