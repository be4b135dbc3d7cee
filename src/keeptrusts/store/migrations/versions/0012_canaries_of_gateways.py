"""the version that instances outside of a canary stay at"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("gateways", sa.Column("stable_configuration_id", sa.String(length=64), nullable=True))
    op.add_column("gateways", sa.Column("stable_version", sa.Integer(), nullable=True))
    op.add_column("gateways", sa.Column("canary_lead", sa.String(length=200), nullable=True))
