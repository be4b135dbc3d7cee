"""letters to whoever decides about an escalation"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("escalation_id", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org", "escalation_id"],
            ["escalations.org", "escalations.id"],
            name=op.f("fk_letters_org_escalation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], name=op.f("fk_letters_org")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
