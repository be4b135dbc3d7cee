"""background work"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('exports',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('type', sa.String(length=200), nullable=False),
    sa.Column('format', sa.String(length=200), nullable=False),
    sa.Column('window_from', columns.UtcTime(), nullable=False),
    sa.Column('window_to', columns.UtcTime(), nullable=False),
    sa.Column('filters', columns.Json(), nullable=False),
    sa.Column('state', sa.String(length=200), nullable=False),
    sa.Column('rows_done', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rows_total', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('size_bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('sha256', sa.String(length=200), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('archive', sa.String(length=200), nullable=True),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('completed_at', columns.UtcTime(), nullable=True),
    sa.Column('expires_at', columns.UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_exports_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exports'))
    )
    with op.batch_alter_table('exports', schema=None) as batch_op:
        batch_op.create_index('ix_exports_org_id', ['org', 'id'], unique=False)
        batch_op.create_index('ix_exports_state_expires_at', ['state', 'expires_at'], unique=False)

    op.create_table('jobs',
    sa.Column('queue', sa.String(length=200), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('due_at', columns.UtcTime(), nullable=False),
    sa.Column('leased_until', columns.UtcTime(), nullable=True),
    sa.Column('lease_token', sa.String(length=64), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_jobs_org')),
    sa.PrimaryKeyConstraint('queue', 'id', name=op.f('pk_jobs'))
    )
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.create_index('ix_jobs_queue_due_at', ['queue', 'due_at'], unique=False)

    op.create_table('webhooks',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('event_types', columns.Json(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('format', sa.String(length=200), nullable=True),
    sa.Column('header_names', columns.Json(), nullable=False),
    sa.Column('headers', sa.LargeBinary(), nullable=True),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('secret_version', sa.Integer(), nullable=False),
    sa.Column('previous_secret', sa.LargeBinary(), nullable=True),
    sa.Column('previous_until', columns.UtcTime(), nullable=True),
    sa.Column('failing_since', columns.UtcTime(), nullable=True),
    sa.Column('disabled_reason', sa.String(length=200), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_webhooks_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
    sa.UniqueConstraint('org', 'id', name=op.f('uq_webhooks_org_id'))
    )
    op.create_table('deliveries',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('webhook_id', sa.String(length=64), nullable=False),
    sa.Column('event_type', sa.String(length=200), nullable=False),
    sa.Column('data', columns.Json(), nullable=False),
    sa.Column('state', sa.String(length=200), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt_at', columns.UtcTime(), nullable=True),
    sa.Column('last_status', sa.Integer(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('delivered_at', columns.UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['org', 'webhook_id'], ['webhooks.org', 'webhooks.id'], name=op.f('fk_deliveries_org_webhook_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_deliveries_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries'))
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_created_at', ['created_at'], unique=False)
        batch_op.create_index('ix_deliveries_webhook_id_id', ['webhook_id', 'id'], unique=False)
        batch_op.create_index('ix_deliveries_webhook_id_next_attempt_at_id', ['webhook_id', 'next_attempt_at', 'id'], unique=False, sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'"))

