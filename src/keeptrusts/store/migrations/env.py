"""Alembic's entry: runs on the connection that `store.migrating` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from keeptrusts.store.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    user_module_prefix="columns.",
    transactional_ddl=False,
)
context.run_migrations()
