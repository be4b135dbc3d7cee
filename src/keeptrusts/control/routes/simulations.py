"""`/v1/configurations/{id}/simulate`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final, cast

from fastapi import APIRouter

from keeptrusts.api.simulations import SAMPLE, WINDOW, Simulation, SimulationDraft
from keeptrusts.control import policies
from keeptrusts.control.auth import EventReader
from keeptrusts.control.floor import FLOOR
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.turns import Turns
from keeptrusts.control.windows import Window, read_window
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.configurations import Configurations
from keeptrusts.store.events import Events, Filters

router = APIRouter(prefix="/v1/configurations", tags=["configurations"])
TURNS: Final = Turns(each=2, together=4)


@router.post("/{configuration_id}/simulate")
def simulate_candidate(
    configuration_id: str,
    draft: SimulationDraft,
    actor: EventReader,
    services: AppServices,
) -> Simulation:
    """Judge recorded decisions of this configuration again by a candidate. Nothing is stored; two run at a time."""
    with TURNS.taken(actor.org):
        return _simulated(services, actor.org, configuration_id, draft)


def _simulated(services: Services, org: str, configuration_id: str, draft: SimulationDraft) -> Simulation:
    # not in one transaction: the documents are compiled and judged for longer than anybody should wait for a writer
    from keeptrusts.policy.simulation import simulate

    candidate = policies.compile_policy(draft["policy_yaml"])
    window = read_window(draft.get("window", WINDOW), None, None, datetime.now(UTC))
    current, decisions = _recorded(services, org, configuration_id, window, draft.get("sample", SAMPLE))
    base = policies.compile_policy(current)
    with FLOOR.taken():
        impact = simulate(candidate, FLOOR.lent(decisions), base).as_json()
    covered = {"window_from": rfc3339(window.start), "window_to": rfc3339(window.end)}
    return cast("Simulation", impact | covered)


def _recorded(
    services: Services, org: str, configuration_id: str, window: Window, most: int
) -> tuple[str, list[dict[str, Any]]]:
    """The document now current, and its newest decisions, the oldest first."""
    wanted = Filters(exact={"configuration_id": configuration_id, "event_type": "decision"})
    with services.store.read() as tx:
        current = Configurations(tx.connection, org).read(configuration_id).shown["policy_yaml"]
        found = Events(tx.events, org, services.sealer).page(
            wanted.within(window.start, window.end), before=None, limit=most
        )
    return current, [json.loads(text) for _, text in reversed(found)]
