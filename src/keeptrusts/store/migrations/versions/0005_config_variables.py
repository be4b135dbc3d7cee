"""config variables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    op.create_table('config_variables',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('value', sa.LargeBinary(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_by', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_config_variables_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_config_variables')),
    sa.UniqueConstraint('org', 'name', name=op.f('uq_config_variables_org_name'))
    )
