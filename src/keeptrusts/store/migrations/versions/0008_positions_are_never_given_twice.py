"""positions are never given twice"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

# an event that came after a checkpoint, and yet lies before its end: its position is one that was given twice
BEHIND = """
SELECT DISTINCT e.position, e.id FROM events e JOIN checkpoints c
ON c.org = e.org AND c.last_position >= e.position AND c.sealed_at <= e.received_at ORDER BY e.position
"""
SEEN = "SELECT 1 FROM checkpoints WHERE instr(entries, :uuid) > 0 LIMIT 1"
LAST = """
SELECT max(coalesce((SELECT max(position) FROM events), 0), coalesce((SELECT max(last_position) FROM checkpoints), 0))
"""


def upgrade() -> None:
    # without AUTOINCREMENT, SQLite gives the highest position again once its row was deleted: what is stored under it
    # then lies behind the cursors of the sealer and of followers, and is never seen
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    last = connection.execute(sa.text(LAST)).scalar_one()
    for position, identifier in connection.execute(sa.text(BEHIND)).all():
        uuid = bytes.fromhex(identifier.partition("_")[2])
        if connection.execute(sa.text(SEEN), {"uuid": uuid}).first() is None:
            last += 1
            moved = sa.text("UPDATE events SET position = :last WHERE position = :position")
            connection.execute(moved, {"last": last, "position": position})
    with op.batch_alter_table("events", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
        pass
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', :last)"), {"last": last})
