"""indexes of the few events of a user or an agent that were not simply allowed"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    few = "(verdict <> 'allowed' OR reason_code <> 'all_policies_passed')"
    for column in ("user_id", "agent_id"):
        there = f"{column} IS NOT NULL"
        whole, part = f"ix_events_org_{column}_id", f"ix_events_org_{column}_id_verdict_reason_code"
        op.execute(f"CREATE INDEX {whole} ON events (org, {column}, id) WHERE {there}")
        op.execute(f"DROP INDEX {part}")
        op.execute(f"CREATE INDEX {part} ON events (org, {column}, id, verdict, reason_code) WHERE {there} AND {few}")
