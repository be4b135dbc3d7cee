"""escalations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_table('escalations',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=200), nullable=False),
    sa.Column('outcome', sa.String(length=200), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('stage', sa.String(length=200), nullable=False),
    sa.Column('policy', sa.String(length=200), nullable=False),
    sa.Column('reason_code', sa.String(length=200), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('event_id', sa.String(length=200), nullable=False),
    sa.Column('gateway_id', sa.String(length=200), nullable=True),
    sa.Column('instance_id', sa.String(length=200), nullable=True),
    sa.Column('configuration_id', sa.String(length=200), nullable=True),
    sa.Column('configuration_version', sa.Integer(), nullable=True),
    sa.Column('model', sa.String(length=200), nullable=True),
    sa.Column('user_id', sa.String(length=200), nullable=True),
    sa.Column('agent_id', sa.String(length=200), nullable=True),
    sa.Column('key_id', sa.String(length=200), nullable=True),
    sa.Column('request_digest', sa.String(length=200), nullable=False),
    sa.Column('held_digest', sa.String(length=200), nullable=False),
    sa.Column('media_type', sa.String(length=200), nullable=False),
    sa.Column('held', sa.LargeBinary(), nullable=True),
    sa.Column('assignee', sa.String(length=200), nullable=True),
    sa.Column('claimed_by', sa.String(length=200), nullable=True),
    sa.Column('claimed_key', sa.String(length=64), nullable=True),
    sa.Column('claimed_at', columns.UtcTime(), nullable=True),
    sa.Column('resolved_by', sa.String(length=200), nullable=True),
    sa.Column('resolved_at', columns.UtcTime(), nullable=True),
    sa.Column('due_at', columns.UtcTime(), nullable=False),
    sa.Column('usable_until', columns.UtcTime(), nullable=True),
    sa.Column('redeemed_at', columns.UtcTime(), nullable=True),
    sa.Column('redeemed_by', sa.String(length=200), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_escalations_org')),
    sa.PrimaryKeyConstraint('org', 'id', name=op.f('pk_escalations'))
    )
    with op.batch_alter_table('escalations', schema=None) as batch_op:
        batch_op.create_index('ix_escalations_due_at', ['due_at'], unique=False, sqlite_where=sa.text("state IN ('queued', 'claimed')"), postgresql_where=sa.text("state IN ('queued', 'claimed')"))
        batch_op.create_index('ix_escalations_org_state_id', ['org', 'state', 'id'], unique=False)
        batch_op.create_index('ix_escalations_usable_until', ['usable_until'], unique=False, sqlite_where=sa.text('held IS NOT NULL'), postgresql_where=sa.text('held IS NOT NULL'))

