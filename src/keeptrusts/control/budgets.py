"""Tells webhooks that an agent's budget of the day is spent: once, with the first request that was refused for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from keeptrusts.core.ids import EVENT, lowest_id
from keeptrusts.store.appending import NewEvent
from keeptrusts.store.tables import events
from keeptrusts.store.transaction import Tx
from keeptrusts.store.webhooks import wanted_types

TYPE: Final = "budget.threshold_reached"
SPENT: Final = "budget_exceeded"
_DAY_MS: Final = 86_400_000


def spent_budgets(tx: Tx, main: Tx, org: str, fresh: Iterable[NewEvent]) -> list[tuple[str, dict[str, Any]]]:
    """
    What is to be told of events that were stored just now, as `Tx.publish_all` takes it.

    Args:
        tx: It has stored them.
        main: Reads what is not beside the events.
    """
    refused: defaultdict[tuple[str, int], list[NewEvent]] = defaultdict(list)
    for one in fresh:
        if one.reason_code == SPENT and one.agent_id is not None:
            refused[one.agent_id, int(one.id[4:16], 16) // _DAY_MS].append(one)
    if not refused or not wanted_types(main.connection, org, [TYPE]):
        return []
    return [
        (TYPE, _told(min(found, key=lambda one: one.id)))
        for (agent, day), found in refused.items()
        if not _known(tx, org, agent, day, [one.id for one in found])
    ]


def _known(tx: Tx, org: str, agent: str, day: int, fresh: list[str]) -> bool:
    """Whether another event of the agent's day had it."""
    first, last = (lowest_id(EVENT, number * _DAY_MS) for number in (day, day + 1))
    mine = events.c.org == org, events.c.agent_id == agent, events.c.id >= first, events.c.id < last
    others = select(events.c.id).where(*mine, events.c.reason_code == SPENT, events.c.id.not_in(fresh)).limit(1)
    return tx.connection.execute(others).first() is not None


def _told(one: NewEvent) -> dict[str, Any]:
    return {
        "id": one.id,
        "agent_id": one.agent_id,
        "threshold_percent": 100,
        "gateway_id": one.gateway_id,
        "configuration_id": one.configuration_id,
    }
