"""control plane core"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keeptrusts.store import columns

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('chain_breaks',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('instance_id', sa.String(length=200), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=200), nullable=False),
    sa.Column('expected_sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('found_sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', columns.UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_chain_breaks'))
    )
    with op.batch_alter_table('chain_breaks', schema=None) as batch_op:
        batch_op.create_index('ix_chain_breaks_org_instance_id', ['org', 'instance_id'], unique=False)

    op.create_table('chain_heads',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('instance_id', sa.String(length=200), nullable=False),
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('hash', sa.String(length=200), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('org', 'instance_id', name=op.f('pk_chain_heads'))
    )
    op.create_table('event_quarantine',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('received_at', columns.UtcTime(), nullable=False),
    sa.Column('key_id', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=200), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_quarantine'))
    )
    with op.batch_alter_table('event_quarantine', schema=None) as batch_op:
        batch_op.create_index('ix_event_quarantine_org_id', ['org', 'id'], unique=False)

    op.create_table('events',
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('xid', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), server_default=sa.text('0'), nullable=False),
    sa.Column('received_at', columns.UtcTime(), nullable=False),
    sa.Column('event_type', sa.String(length=200), nullable=False),
    sa.Column('verdict', sa.String(length=200), nullable=False),
    sa.Column('reason_code', sa.String(length=200), nullable=False),
    sa.Column('gateway_id', sa.String(length=200), nullable=True),
    sa.Column('instance_id', sa.String(length=200), nullable=False),
    sa.Column('sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('configuration_id', sa.String(length=200), nullable=True),
    sa.Column('model', sa.String(length=200), nullable=True),
    sa.Column('provider', sa.String(length=200), nullable=True),
    sa.Column('user_id', sa.String(length=200), nullable=True),
    sa.Column('agent_id', sa.String(length=200), nullable=True),
    sa.Column('request_id', sa.String(length=200), nullable=True),
    sa.Column('acted', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_events')),
    sa.UniqueConstraint('org', 'id', name=op.f('uq_events_org_id'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_org_gateway_id_id', ['org', 'gateway_id', 'id'], unique=False)
        batch_op.create_index('ix_events_org_user_id_id', ['org', 'user_id', 'id'], unique=False)
        batch_op.create_index('ix_events_org_verdict_id', ['org', 'verdict', 'id'], unique=False, sqlite_where=sa.text("verdict <> 'allowed'"), postgresql_where=sa.text("verdict <> 'allowed'"))
        batch_op.create_index('ix_events_org_xid_position', ['org', 'xid', 'position'], unique=False)

    op.create_table('organisations',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisations'))
    )
    op.create_table('signing_keys',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('private_key', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('retired_at', columns.UtcTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signing_keys'))
    )
    op.create_table('audit_log',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('at', columns.UtcTime(), nullable=False),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('action', sa.String(length=200), nullable=False),
    sa.Column('object_type', sa.String(length=200), nullable=False),
    sa.Column('object_id', sa.String(length=200), nullable=False),
    sa.Column('before_digest', sa.String(length=200), nullable=True),
    sa.Column('after_digest', sa.String(length=200), nullable=True),
    sa.Column('ip', sa.String(length=200), nullable=True),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_audit_log_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log'))
    )
    with op.batch_alter_table('audit_log', schema=None) as batch_op:
        batch_op.create_index('ix_audit_log_org_id', ['org', 'id'], unique=False)

    op.create_table('configurations',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('labels', columns.Json(), nullable=False),
    sa.Column('managed_by', sa.String(length=200), nullable=False),
    sa.Column('policy_yaml', sa.Text(), nullable=False),
    sa.Column('policy_kinds', columns.Json(), nullable=False),
    sa.Column('content_digest', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_by', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_configurations_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_configurations')),
    sa.UniqueConstraint('org', 'id', name=op.f('uq_configurations_org_id')),
    sa.UniqueConstraint('org', 'name', name=op.f('uq_configurations_org_name'))
    )
    op.create_table('idempotency',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('actor', sa.String(length=64), nullable=False),
    sa.Column('key_hash', sa.String(length=200), nullable=False),
    sa.Column('request_hash', sa.String(length=200), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_idempotency_org')),
    sa.PrimaryKeyConstraint('actor', 'key_hash', name=op.f('pk_idempotency'))
    )
    with op.batch_alter_table('idempotency', schema=None) as batch_op:
        batch_op.create_index('ix_idempotency_created_at', ['created_at'], unique=False)

    op.create_table('keys',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=200), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('role', sa.String(length=200), nullable=False),
    sa.Column('scopes', columns.Json(), nullable=False),
    sa.Column('gateway_id', sa.String(length=64), nullable=True),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=False),
    sa.Column('prefix', sa.String(length=200), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('expires_at', columns.UtcTime(), nullable=True),
    sa.Column('last_used_at', columns.UtcTime(), nullable=True),
    sa.Column('revoked_at', columns.UtcTime(), nullable=True),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_keys_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_keys'))
    )
    with op.batch_alter_table('keys', schema=None) as batch_op:
        batch_op.create_index('ix_keys_org_gateway_id', ['org', 'gateway_id'], unique=False)

    op.create_table('messages',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('type', sa.String(length=200), nullable=False),
    sa.Column('data', columns.Json(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_messages_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages'))
    )
    op.create_table('configuration_versions',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('configuration_id', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('policy_yaml', sa.Text(), nullable=False),
    sa.Column('policy_kinds', columns.Json(), nullable=False),
    sa.Column('content_digest', sa.String(length=200), nullable=False),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('author', sa.String(length=200), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org', 'configuration_id'], ['configurations.org', 'configurations.id'], name=op.f('fk_configuration_versions_org_configuration_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_configuration_versions_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_configuration_versions')),
    sa.UniqueConstraint('configuration_id', 'version', name=op.f('uq_configuration_versions_configuration_id_version'))
    )
    op.create_table('gateways',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('labels', columns.Json(), nullable=False),
    sa.Column('environment', sa.String(length=200), nullable=True),
    sa.Column('configuration_id', sa.String(length=64), nullable=True),
    sa.Column('configuration_version', sa.Integer(), nullable=True),
    sa.Column('fail_mode', sa.String(length=200), nullable=False),
    sa.Column('deployment', columns.Json(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('epoch_at', columns.UtcTime(), nullable=False),
    sa.Column('told_status', sa.String(length=200), server_default=sa.text("'never_seen'"), nullable=False),
    sa.Column('told_drift', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_at', columns.UtcTime(), nullable=False),
    sa.Column('updated_at', columns.UtcTime(), nullable=False),
    sa.ForeignKeyConstraint(['org', 'configuration_id'], ['configurations.org', 'configurations.id'], name=op.f('fk_gateways_org_configuration_id')),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_gateways_org')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gateways')),
    sa.UniqueConstraint('org', 'id', name=op.f('uq_gateways_org_id')),
    sa.UniqueConstraint('org', 'name', name=op.f('uq_gateways_org_name'))
    )
    with op.batch_alter_table('gateways', schema=None) as batch_op:
        batch_op.create_index('ix_gateways_configuration_id', ['configuration_id'], unique=False)

    op.create_table('gateway_instances',
    sa.Column('org', sa.String(length=64), nullable=False),
    sa.Column('gateway_id', sa.String(length=64), nullable=False),
    sa.Column('instance_id', sa.String(length=200), nullable=False),
    sa.Column('version', sa.String(length=200), nullable=False),
    sa.Column('active_digest', sa.String(length=200), nullable=True),
    sa.Column('epoch', sa.Integer(), nullable=True),
    sa.Column('degraded', sa.Boolean(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_seen_at', columns.UtcTime(), nullable=False),
    sa.Column('head_sequence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('head_hash', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['org', 'gateway_id'], ['gateways.org', 'gateways.id'], name=op.f('fk_gateway_instances_org_gateway_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['org'], ['organisations.id'], name=op.f('fk_gateway_instances_org')),
    sa.PrimaryKeyConstraint('gateway_id', 'instance_id', name=op.f('pk_gateway_instances'))
    )
