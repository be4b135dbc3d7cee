"""When webhooks are told that a configuration is deployed: every instance of a gateway runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from keeptrusts.store.tables import messages
from support.control import OTHER_POLICY, POLICY, Plane


class Fleet:
    """One gateway that follows a configuration, and what its instances report."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        draft = {"name": "production", "policy_yaml": POLICY}
        self.configuration = plane.admin.made("/v1/configurations", draft)
        draft = {"name": "edge", "configuration_id": self.configuration["id"]}
        self.gateway = plane.admin.made("/v1/gateways", draft)

    def report(self, instance: str, digest: str | None) -> None:
        said = {"instance_id": instance, "version": "1.0.0", "active_digest": digest, "epoch": 1}
        self._plane.admin.made("/v1/gateway/status", {**said, "gateway_id": self.gateway["id"]})

    def told(self) -> list[dict[str, Any]]:
        with self._plane.services.store.read() as tx:
            query = select(messages.c.data).where(messages.c.type == "configuration.deployed").order_by(messages.c.id)
            return list(tx.connection.execute(query).scalars())


def test_a_deployment_is_told_when_the_last_instance_has_it(still: Plane) -> None:
    """Once for each document, whoever is last; a restart and a further instance are no deployment."""
    fleet = Fleet(still)
    configuration, first = fleet.configuration, fleet.configuration["content_digest"]
    for instance, digest in (("gwi_1", None), ("gwi_1", first), ("gwi_1", first), ("gwi_2", None), ("gwi_2", first)):
        fleet.report(instance, digest)
    assert [one["version"] for one in fleet.told()] == [1]
    changed = still.admin.patch(f"/v1/configurations/{configuration['id']}", {"policy_yaml": OTHER_POLICY}).json()
    second = changed["content_digest"]
    fleet.report("gwi_1", second)
    assert len(fleet.told()) == 1
    fleet.report("gwi_2", second)
    clock = still.services.store.clock
    still.services.store.clock = lambda: clock() + timedelta(seconds=91)
    fleet.report("gwi_3", second)
    assert fleet.told()[1:] == [
        {"id": configuration["id"], "name": "production", "version": 2, "content_digest": second,
         "gateway_id": fleet.gateway["id"], "gateway_name": "edge"}
    ]  # fmt: skip
