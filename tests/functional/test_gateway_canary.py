"""A new version at some instances of a gateway first: what each is to run, until when, and who is told."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import select

from keeptrusts.control.fleet import look
from keeptrusts.store.tables import messages
from keeptrusts.trail import bundle as trail
from keeptrusts.trail.canary import chosen, is_first
from support.control import OTHER_POLICY, POLICY, Person, Plane, assert_problem

CANARY = {"strategy": "canary", "percent": 1}


@dataclass(frozen=True, slots=True)
class Fleet:
    """A gateway with a canary of one in a hundred, and what its instances have and say."""

    plane: Plane
    id: str
    configuration: str
    runtime: Person

    @property
    def path(self) -> str:
        return f"/v1/gateways/{self.id}"

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.plane.admin.get(self.path).json()
        return found

    def push(self, policy_yaml: str) -> None:
        self.plane.admin.patch(f"/v1/configurations/{self.configuration}", {"policy_yaml": policy_yaml})

    def act(self, action: str, **more: object) -> dict[str, Any]:
        return self.plane.admin.made(f"{self.path}/actions", {"action": action, **more})

    def payload(self, instance: str) -> dict[str, Any]:
        """What an instance makes of the bundle."""
        signed = self.runtime.get("/v1/gateway/bundle").json()
        keys = {key["key_id"]: key["public_key"] for key in self.plane.admin.get("/v1/trail/keys").json()["data"]}
        return chosen(trail.verify(signed, base64.b64decode(keys[signed["key_id"]])), instance)

    def report(self, *instances: str) -> None:
        """Each fetches and runs what it is to run."""
        for one in instances:
            got = self.payload(one)
            body = {"instance_id": one, "version": "1", "active_digest": got["config_digest"], "epoch": got["epoch"]}
            self.runtime.made("/v1/gateway/status", body)

    def states(self) -> dict[str, str]:
        return {one["instance_id"]: one["state"] for one in self.shown()["instances"]}

    def outside(self, count: int) -> list[str]:
        """Ids of instances that the share itself leaves out, in order."""
        names = (f"gwi_{number:03}" for number in range(1000))
        return list(islice((name for name in names if not is_first(self.id, name, 1, None)), count))


def fleet(plane: Plane, **fields: object) -> Fleet:
    """All that is needed for a canary."""
    configuration = plane.admin.made("/v1/configurations", {"name": "production", "policy_yaml": POLICY})["id"]
    draft = {"name": "edge", "configuration_id": configuration, "deployment": CANARY, **fields}
    made = plane.admin.made("/v1/gateways", draft)
    token = plane.admin.made(f"/v1/gateways/{made['id']}/tokens", {})
    return Fleet(plane, made["id"], configuration, Person(plane.client, token["token"], plane.org, token["id"]))


def test_the_first_version_is_everybodys(control: Plane) -> None:
    """There is nothing to stay at."""
    edge = fleet(control)
    shown = edge.shown()
    assert (shown["deployment"], shown["stable"]) == (CANARY, None)
    assert edge.payload("gwi_any")["policy_yaml"] == POLICY


def test_a_new_version_goes_to_a_share(still: Plane) -> None:
    """At least one that is heard of gets it; the others stay, and both kinds run what they should."""
    edge = fleet(still)
    first, second, third = edge.outside(3)
    edge.report(first, second, third)
    old = edge.shown()["desired_digest"]
    edge.push(OTHER_POLICY)
    shown = edge.shown()
    assert shown["stable"] == {
        "configuration_id": edge.configuration, "configuration_version": 1, "content_digest": old,
    }  # fmt: skip
    assert edge.states() == {first: "stale", second: "in_sync", third: "in_sync"}
    assert edge.payload(first)["configuration_version"] == 2
    assert [edge.payload(one)["configuration_version"] for one in (second, third)] == [1, 1]
    assert {edge.payload(one)["epoch"] for one in (first, second)} == {shown["epoch"]}
    edge.report(first, second, third)
    after = edge.shown()
    assert after["status"] == "online"
    assert {one["instance_id"]: one["desired_digest"] for one in after["instances"]} == {
        first: shown["desired_digest"], second: old, third: old,
    }  # fmt: skip
    assert edge.runtime.made("/v1/gateway/status", {
        "instance_id": second, "version": "1", "active_digest": old, "epoch": after["epoch"],
    })["desired_digest"] == old  # fmt: skip


def test_the_others_follow_by_promotion(still: Plane) -> None:
    """And are the ones that stay when the next version comes; a second promotion changes nothing."""
    edge = fleet(still)
    first, second = edge.outside(2)
    edge.report(first, second)
    edge.push(OTHER_POLICY)
    edge.report(first, second)
    before = edge.shown()
    promoted = edge.act("promote")
    assert (promoted["stable"], promoted["epoch"]) == (None, before["epoch"] + 1)
    assert edge.payload(second)["policy_yaml"] == OTHER_POLICY
    assert edge.act("promote") == promoted
    assert [entry["action"] for entry in still.admin.get(f"/v1/audit-log?object_id={edge.id}").json()["data"]] == [
        "gateway.promote", "gateway.create",
    ]  # fmt: skip
    edge.push(POLICY)
    assert edge.shown()["stable"]["configuration_version"] == 2


@pytest.mark.parametrize("deployment", [{"strategy": "all"}, {"strategy": "canary", "percent": 100}])
def test_a_canary_ends_when_all_are_named(control: Plane, deployment: dict[str, Any]) -> None:
    """Everybody gets what the canary had; and with a smaller share again, nobody goes back."""
    edge = fleet(control)
    edge.push(OTHER_POLICY)
    assert edge.shown()["stable"] is not None
    control.admin.patch(edge.path, {"deployment": deployment})
    assert edge.shown()["stable"] is None
    assert edge.payload(edge.outside(1)[0])["policy_yaml"] == OTHER_POLICY
    control.admin.patch(edge.path, {"deployment": CANARY})
    assert edge.shown()["stable"] is None
    assert edge.payload(edge.outside(1)[0])["policy_yaml"] == OTHER_POLICY


def test_a_canary_is_taken_back(control: Plane) -> None:
    """By the configuration going back, or by staying at the version that is stable."""
    edge = fleet(control)
    edge.push(OTHER_POLICY)
    control.admin.made(f"/v1/configurations/{edge.configuration}/rollback", {"version": 1})
    assert edge.shown()["stable"] is None
    edge.push(OTHER_POLICY)
    assert edge.act("pin", configuration_version=1)["stable"] is None
    assert edge.act("unpin")["stable"]["configuration_version"] == 1


def test_another_configuration_is_new_as_well(control: Plane) -> None:
    """The one that is stable is kept from being deleted; without any there is no canary."""
    edge = fleet(control)
    other = control.admin.made("/v1/configurations", {"name": "other", "policy_yaml": OTHER_POLICY})["id"]
    control.admin.patch(edge.path, {"configuration_id": other})
    assert edge.shown()["stable"]["configuration_id"] == edge.configuration
    assert edge.payload(edge.outside(1)[0])["configuration_id"] == edge.configuration
    stays = control.admin.delete(f"/v1/configurations/{edge.configuration}")
    assert "`edge`" in assert_problem(stays, 409, "in_use")["detail"]
    edge.act("promote")
    assert control.admin.delete(f"/v1/configurations/{edge.configuration}").status_code == 204
    control.admin.patch(edge.path, {"configuration_id": None})
    assert edge.shown()["stable"] is None
    assert_problem(control.admin.post(f"{edge.path}/actions", {"action": "promote"}), 409, "no_configuration")


def test_a_canary_that_is_declared_later(control: Plane) -> None:
    """What ran until then is stable, also when the same change names another version."""
    edge = fleet(control, deployment={"strategy": "all"})
    edge.push(OTHER_POLICY)
    control.admin.patch(edge.path, {"deployment": CANARY, "configuration_version": 1})
    shown = edge.shown()
    assert (shown["stable"]["configuration_version"], shown["configuration_version"]) == (2, 1)


def test_webhooks_are_told_when_all_have_it(still: Plane) -> None:
    """Not by the canary, which is no drift either; by the last that runs it after the promotion."""
    edge = fleet(still)
    first, second = edge.outside(2)
    edge.report(first, second)
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["*"]})
    edge.push(OTHER_POLICY)
    edge.report(first, second)
    clock = still.services.store.clock
    still.services.store.clock = lambda: clock() + timedelta(seconds=61)
    edge.report(first, second)
    look(still.services.store)
    assert told(still) == ["configuration.updated"]
    edge.act("promote")
    edge.report(first)
    assert told(still) == ["configuration.updated", "gateway.health_changed"]
    edge.report(second)
    assert told(still)[2:] == ["configuration.deployed", "gateway.health_changed"]


@pytest.mark.parametrize("by", ["promotion", "strategy"])
def test_webhooks_are_told_when_the_canary_is_all_there_is(still: Plane, by: str) -> None:
    """Of a single instance nothing new is to be expected: it is told with the promotion itself, once."""
    edge = fleet(still)
    (only,) = edge.outside(1)
    edge.report(only)
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["*"]})
    edge.push(OTHER_POLICY)
    edge.report(only)
    assert told(still) == ["configuration.updated"]
    if by == "promotion":
        edge.act("promote")
    else:
        still.admin.patch(edge.path, {"deployment": {"strategy": "all"}})
    edge.report(only)
    assert told(still) == ["configuration.updated", "configuration.deployed"]


def told(plane: Plane) -> list[str]:
    """What webhooks are told from the new version on."""
    with plane.services.store.read() as tx:
        types = list(tx.connection.execute(select(messages.c.type).order_by(messages.c.id)).scalars())
    return types[types.index("configuration.updated") :]


def test_both_documents_may_take_their_secrets(control: Plane) -> None:
    """A gateway is given what either of them names, and nothing that none of them does."""
    edge = fleet(control)
    target = POLICY.replace("provider: mock", "provider: openai\n      secret_key_ref: {store: NAME}")
    assert target != POLICY
    for name in ("FIRST", "SECOND", "THIRD"):
        control.admin.made("/v1/config-variables", {"name": name, "value": "hunter2"})
    edge.push(target.replace("NAME", "FIRST"))
    edge.act("promote")
    edge.push(target.replace("NAME", "SECOND"))
    assert edge.shown()["stable"] is not None
    for name, status in (("FIRST", 200), ("SECOND", 200), ("THIRD", 404)):
        assert edge.runtime.get(f"/v1/gateway/variables/{name}").status_code == status


@pytest.mark.parametrize(
    ("deployment", "place"),
    [
        ({"strategy": "canary"}, "deployment.percent"),
        ({"strategy": "all", "percent": 5}, "deployment.percent"),
        ({"strategy": "canary", "percent": 0}, "deployment.percent"),
        ({"strategy": "canary", "percent": 101}, "deployment.percent"),
        ({"strategy": "blue-green"}, "deployment.strategy"),
    ],
)
def test_a_share_goes_with_a_canary(control: Plane, deployment: dict[str, Any], place: str) -> None:
    """1 to 100, and only there."""
    refused = control.admin.post("/v1/gateways", {"name": "edge", "deployment": deployment})
    assert [one["path"] for one in assert_problem(refused, 422, "invalid_input")["errors"]] == [place]
