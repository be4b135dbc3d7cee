"""links that sign somebody in to the console, once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "sign_in_links",
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("org", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], name=op.f("fk_sign_in_links_org")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_sign_in_links")),
    )
