"""hosts of variables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    with op.batch_alter_table("config_variables", schema=None) as batch_op:
        batch_op.add_column(sa.Column("allowed_hosts", columns.Json(), nullable=True))
