"""counts by the hour"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    op.create_table('event_hours',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('hour', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('verdict', sa.String(length=200), nullable=False),
    sa.Column('gateway_id', sa.String(length=200), nullable=False),
    sa.Column('configuration_id', sa.String(length=200), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('provider', sa.String(length=200), nullable=False),
    sa.Column('count', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_event_hours_org')),
    sa.PrimaryKeyConstraint('org', 'hour', 'verdict', 'gateway_id', 'configuration_id', 'model', 'provider', name=op.f('pk_event_hours'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_org_configuration_id_id', ['org', 'configuration_id', 'id'], unique=False)

