"""indexes of events for what people look for"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

GONE = ("org_user_id_id", "org_agent_id_id", "org_verdict_id", "org_reason_code_id")
INDEXES = {
    "org_model_id": "(org, model, id) WHERE model IS NOT NULL",
    "org_user_id_id_verdict_reason_code": "(org, user_id, id, verdict, reason_code) WHERE user_id IS NOT NULL",
    "org_agent_id_id_verdict_reason_code": "(org, agent_id, id, verdict, reason_code) WHERE agent_id IS NOT NULL",
    "org_verdict_id_gateway_id_configuration_id_model": (
        "(org, verdict, id, gateway_id, configuration_id, model) WHERE verdict <> 'allowed'"
    ),
    "org_reason_code_id_gateway_id_configuration_id": (
        "(org, reason_code, id, gateway_id, configuration_id) WHERE reason_code <> 'all_policies_passed'"
    ),
    "org_id_acted": "(org, id) WHERE acted <> '|'",
    "org_event_type_id": "(org, event_type, id) WHERE event_type <> 'decision'",
}


def upgrade() -> None:
    for name in GONE:
        op.execute(f"DROP INDEX ix_events_{name}")
    for name, columns in INDEXES.items():
        op.execute(f"CREATE INDEX ix_events_{name} ON events {columns}")
