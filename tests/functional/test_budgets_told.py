"""A webhook is told when an agent's budget is spent: once a day, whoever refuses first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from keeptrusts.store.tables import messages
from support.control import Plane
from support.records import Instance

DAY = 86_400.0
NOON = 1_900_000_000 // DAY * DAY + DAY / 2


def told(still: Plane) -> list[dict[str, Any]]:
    with still.services.store.events.read() as tx:
        query = select(messages.c.data).where(messages.c.type == "budget.threshold_reached").order_by(messages.c.id)
        return list(tx.connection.execute(query).scalars())


def test_a_spent_budget_is_told_once_a_day(still: Plane) -> None:
    """Of each agent, with the first event of the day that says so; other refusals, and no webhook, are no news."""
    one = Instance()

    def refused(agent: str | None, at: float, reason: str = "budget_exceeded") -> str:
        record = one.decision("failed", reason_code=reason, agent_id=agent, status=402, at=at)
        still.admin.made("/v1/gateway/events", {"events": [record]})
        return str(record["id"])

    refused("early", NOON)
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["budget.*"]})
    expected = [refused("buyer", NOON)]
    for agent, at, reason in (("buyer", NOON + 5, "budget_exceeded"), ("early", NOON + 9, "budget_exceeded"),
                              (None, NOON, "budget_exceeded"), ("seller", NOON, "rate_limit")):  # fmt: skip
        refused(agent, at, reason)
    expected += [refused("seller", NOON), refused("buyer", NOON + DAY)]
    assert [data["id"] for data in told(still)] == expected
    assert [(data["agent_id"], data["threshold_percent"]) for data in told(still)] == [
        ("buyer", 100), ("seller", 100), ("buyer", 100),
    ]  # fmt: skip


def test_a_batch_that_comes_again_tells_nothing(still: Plane) -> None:
    """Several refusals in one batch are one message, and the batch once more is none."""
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["*"]})
    one = Instance()
    batch = [one.decision("failed", reason_code="budget_exceeded", agent_id="buyer", at=NOON + at) for at in range(3)]
    for _ in range(2):
        still.admin.made("/v1/gateway/events", {"events": batch})
    assert [data["id"] for data in told(still)] == [batch[0]["id"]]
