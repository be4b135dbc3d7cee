"""checkpoints"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.create_table('checkpoints',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('key_id', sa.String(length=64), nullable=False),
    sa.Column('signature', sa.String(length=200), nullable=False),
    sa.Column('digest', sa.String(length=200), nullable=False),
    sa.Column('entries', sa.LargeBinary(), nullable=False),
    sa.Column('lowest_id', sa.String(length=64), nullable=False),
    sa.Column('highest_id', sa.String(length=64), nullable=False),
    sa.Column('last_xid', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('last_position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sealed_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_checkpoints_org')),
    sa.PrimaryKeyConstraint('org', 'number', name=op.f('pk_checkpoints'))
    )
    with op.batch_alter_table('checkpoints', schema=None) as batch_op:
        batch_op.create_index('ix_checkpoints_org_last_xid_last_position', ['org', 'last_xid', 'last_position'], unique=False)

