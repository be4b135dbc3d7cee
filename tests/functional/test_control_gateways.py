"""Gateways: what they are to run, the signed bundle that says so, and what they report."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from keeptrusts.control.fleet import look
from keeptrusts.control.hub import gateway_topic
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.tables import messages
from keeptrusts.store.transaction import Store
from keeptrusts.trail import bundle as trail
from support.control import OTHER_POLICY, POLICY, Person, Plane, assert_problem


def _configuration(person: Person, name: str = "production") -> dict[str, Any]:
    return person.made("/v1/configurations", {"name": name, "policy_yaml": POLICY})


def _gateway(person: Person, **fields: object) -> dict[str, Any]:
    return person.made("/v1/gateways", {"name": "edge", **fields})


def _runtime(control: Plane, gateway: dict[str, Any]) -> Person:
    made = control.admin.made(f"/v1/gateways/{gateway['id']}/tokens", {})
    return Person(control.client, made["token"], control.org, made["id"])


def _payload(control: Plane, person: Person) -> dict[str, Any]:
    signed = person.get("/v1/gateway/bundle").json()
    keys = {
        key["key_id"]: base64.b64decode(key["public_key"]) for key in control.admin.get("/v1/trail/keys").json()["data"]
    }
    return trail.verify(signed, keys[signed["key_id"]])


def _report(person: Person, digest: str | None, **more: object) -> dict[str, Any]:
    body = {"instance_id": "gwi_1", "version": "1.0.0", "active_digest": digest, "epoch": 1, **more}
    return person.made("/v1/gateway/status", body)


def test_make_read_change_delete(admin: Person) -> None:
    """The whole life of one."""
    made = _gateway(admin, labels={"zone": "eu"}, environment="prod", fail_mode="allow")
    assert (made["status"], made["instances"], made["desired_digest"]) == ("never_seen", [], None)
    assert made["deployment"] == {"strategy": "all"}
    path = f"/v1/gateways/{made['id']}"
    answer = admin.get(path)
    assert (answer.json(), answer.headers["etag"]) == (made, '"r1"')
    changed = admin.patch(path, {"description": "x", "environment": None}, If_Match='"r1"')
    assert (changed.json()["environment"], changed.headers["etag"]) == (None, '"r2"')
    assert_problem(admin.patch(path, {"description": "y"}, If_Match='"r1"'), 412, "version_conflict")
    assert [one["id"] for one in admin.get("/v1/gateways?label.zone=eu&name=edge").json()["data"]] == [made["id"]]
    assert admin.get("/v1/gateways?environment=prod").json()["data"] == []
    assert admin.delete(path, If_Match='"r2"').status_code == 204
    assert_problem(admin.get(path), 404, "not_found")


def test_refusals(control: Plane) -> None:
    """A taken name, a configuration or version that is not there, a strategy that is not built."""
    admin = control.admin
    _gateway(admin)
    path = "/v1/gateways"
    assert_problem(admin.post(path, {"name": "edge"}), 409, "name_taken")
    assert_problem(admin.post(path, {"name": "b", "configuration_id": "cfg_x"}), 422, "unknown_configuration")
    assert_problem(admin.post(path, {"name": "b", "configuration_version": 1}), 422, "unknown_configuration")
    one = _configuration(admin)["id"]
    body = {"name": "b", "configuration_id": one, "configuration_version": 2}
    assert_problem(admin.post(path, body), 422, "unknown_version")
    assert _gateway(control.other_admin())["name"] == "edge"


def test_the_bundle_is_signed_and_follows(control: Plane) -> None:
    """It says what to run; each change of that raises its epoch, and nothing else does."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    first = _payload(control, runtime)
    assert first | {
        "gateway_id": gateway["id"], "organisation": control.org, "configuration_id": configuration["id"],
        "configuration_version": 1, "config_digest": configuration["content_digest"], "policy_yaml": POLICY,
        "fail_mode": "block", "epoch": 1,
    } == first  # fmt: skip
    trail.check_fresh(first, last_epoch=0, now=control.services.store.clock())
    path = f"/v1/configurations/{configuration['id']}"
    control.admin.patch(path, {"description": "no change of meaning"})
    control.admin.patch(f"/v1/gateways/{gateway['id']}", {"description": "nor this"})
    assert _payload(control, runtime) == first
    control.admin.patch(path, {"policy_yaml": OTHER_POLICY})
    second = _payload(control, runtime)
    assert (second["configuration_version"], second["policy_yaml"], second["epoch"]) == (2, OTHER_POLICY, 2)
    control.admin.patch(f"/v1/gateways/{gateway['id']}", {"configuration_version": 1})
    assert (_payload(control, runtime)["configuration_version"], _payload(control, runtime)["epoch"]) == (1, 3)
    control.admin.made(f"{path}/rollback", {"version": 1})
    assert _payload(control, runtime)["epoch"] == 3, "a pinned gateway does not follow"


def test_a_gateway_asks_with_its_tag(control: Plane) -> None:
    """304 while nothing changed; another tag, another bundle."""
    configuration = _configuration(control.admin)
    runtime = _runtime(control, _gateway(control.admin, configuration_id=configuration["id"]))
    tag = runtime.get("/v1/gateway/bundle").headers["etag"]
    same = runtime.get("/v1/gateway/bundle", If_None_Match=tag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    control.admin.patch(f"/v1/configurations/{configuration['id']}", {"policy_yaml": OTHER_POLICY})
    assert runtime.get("/v1/gateway/bundle", If_None_Match=tag).status_code == 200


def test_who_may_have_which_bundle(control: Plane) -> None:
    """A gateway token its own; a key says which; nobody else's."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    second = _gateway(control.admin, name="second", configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    refused = runtime.get(f"/v1/gateway/bundle?gateway_id={second['id']}")
    assert_problem(refused, 403, "forbidden")
    assert_problem(control.admin.get("/v1/gateway/bundle"), 422, "missing_gateway_id")
    for answer in (
        control.admin.get(f"/v1/gateway/bundle?gateway_id={gateway['id']}"),
        control.admin.get("/v1/gateway/bundle", X_Keeptrusts_Gateway_Id=gateway["id"]),
        control.person("gateway").get(f"/v1/gateway/bundle?gateway_id={gateway['id']}"),
    ):
        assert json.loads(answer.json()["payload"])["gateway_id"] == gateway["id"]
    assert_problem(control.other_admin().get(f"/v1/gateway/bundle?gateway_id={gateway['id']}"), 404, "not_found")
    assert_problem(control.person("viewer").get("/v1/gateway/bundle"), 403, "forbidden")


def test_a_gateway_without_a_configuration(control: Plane) -> None:
    """404 that says what is missing."""
    runtime = _runtime(control, _gateway(control.admin))
    assert_problem(runtime.get("/v1/gateway/bundle"), 404, "no_configuration")


def test_a_waiting_gateway_is_woken_at_once(control: Plane) -> None:
    """A change through this process ends the wait; without one it ends by itself with 304."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    tag = runtime.get("/v1/gateway/bundle").headers["etag"]
    before = time.monotonic()
    nothing = runtime.get("/v1/gateway/bundle", If_None_Match=tag, Prefer='Wait = "1"')
    assert (nothing.status_code, 0.9 < time.monotonic() - before < 5) == (304, True)

    def change() -> None:
        _until_waiting(control, gateway["id"])
        control.admin.patch(f"/v1/configurations/{configuration['id']}", {"policy_yaml": OTHER_POLICY})

    thread = threading.Thread(target=change)
    before = time.monotonic()
    thread.start()
    woken = runtime.get("/v1/gateway/bundle", If_None_Match=tag, Prefer="respond-async, wait=20")
    thread.join()
    assert json.loads(woken.json()["payload"])["epoch"] == 2
    assert time.monotonic() - before < 10


def test_a_change_by_another_replica_is_noticed(control: Plane) -> None:
    """The version poll sees what another process committed."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    tag = runtime.get("/v1/gateway/bundle").headers["etag"]
    replica = Store(control.services.store.engine)

    def change() -> None:
        _until_waiting(control, gateway["id"])
        with replica.write() as tx:
            Gateways(tx.connection, control.org).change(gateway["id"], {"fail_mode": "allow"}, at=tx.now)

    thread = threading.Thread(target=change)
    thread.start()
    before = time.monotonic()
    woken = runtime.get("/v1/gateway/bundle", If_None_Match=tag, Prefer="wait=20")
    thread.join()
    assert json.loads(woken.json()["payload"])["fail_mode"] == "allow"
    assert time.monotonic() - before < 10


def _until_waiting(control: Plane, gateway_id: str) -> None:
    deadline = time.monotonic() + 10
    while gateway_topic(gateway_id) not in control.services.hub.topics():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)


def test_what_instances_report(still: Plane) -> None:
    """In sync, stale, degraded, in error; the fleet is as good as its worst."""
    control = still
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    digest = configuration["content_digest"]

    def seen() -> tuple[str, list[str]]:
        shown = control.admin.get(f"/v1/gateways/{gateway['id']}").json()
        return shown["status"], sorted(one["state"] for one in shown["instances"])

    head = {"number": 0, "digest": ""}
    assert _report(runtime, digest) == {"gateway_id": gateway["id"], "desired_digest": digest, "trail_head": head}
    assert seen() == ("online", ["in_sync"])
    _report(runtime, "sha256:old", instance_id="gwi_2", head_sequence=5, head_hash="sha256:x")
    assert seen() == ("degraded", ["in_sync", "stale"])
    _report(runtime, digest, instance_id="gwi_2", degraded=True)
    assert seen() == ("degraded", ["degraded", "in_sync"])
    _report(runtime, digest, instance_id="gwi_2", last_error="it does not compile")
    assert seen() == ("degraded", ["error", "in_sync"])
    _report(runtime, digest, instance_id="gwi_2", last_error="x" * 5000)
    told = control.admin.get(f"/v1/gateways/{gateway['id']}").json()["instances"]
    assert sorted(len(one["last_error"] or "") for one in told) == [0, 2000]


def test_a_gateway_that_fell_silent(still: Plane) -> None:
    """Offline after 90 s, told once, however many look; and once more when it is back."""
    configuration = _configuration(still.admin)
    gateway = _gateway(still.admin, configuration_id=configuration["id"])
    _hook(still)
    runtime = _runtime(still, gateway)
    _report(runtime, configuration["content_digest"])
    _later(still, timedelta(seconds=91))
    look(still.services.store)
    look(still.services.store)
    assert still.admin.get(f"/v1/gateways/{gateway['id']}").json()["status"] == "offline"
    _report(runtime, configuration["content_digest"])
    assert _told(still) == [
        ("gateway.health_changed", "never_seen", "online"),
        ("gateway.health_changed", "online", "offline"),
        ("gateway.health_changed", "offline", "online"),
    ]


def test_drift_is_told_once(still: Plane) -> None:
    """An instance that still runs something else a minute after the change; not a minute before."""
    configuration = _configuration(still.admin)
    gateway = _gateway(still.admin, configuration_id=configuration["id"])
    _hook(still)
    runtime = _runtime(still, gateway)
    _report(runtime, "sha256:other")
    look(still.services.store)
    _later(still, timedelta(seconds=61))
    _report(runtime, "sha256:other")
    _report(runtime, "sha256:other")
    look(still.services.store)
    _report(runtime, configuration["content_digest"])
    assert _told(still) == [
        ("gateway.health_changed", "never_seen", "degraded"),
        ("gateway.drift_detected", "degraded", "degraded"),
        ("gateway.health_changed", "degraded", "online"),
    ]


def _hook(control: Plane) -> None:
    control.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["gateway.*"]})


def _told(control: Plane) -> list[tuple[str, str, str]]:
    wanted = ("gateway.health_changed", "gateway.drift_detected")
    with control.services.store.read() as tx:
        query = select(messages.c.type, messages.c.data).where(messages.c.type.in_(wanted)).order_by(messages.c.id)
        return [(kind, data["before"], data["status"]) for kind, data in tx.connection.execute(query)]


def _later(control: Plane, by: timedelta) -> None:
    """The clock goes on."""
    clock = control.services.store.clock
    control.services.store.clock = lambda: clock() + by


def test_several_tokens_live_and_one_dies(control: Plane) -> None:
    """Revoking one leaves the other; deleting the gateway ends them all."""
    gateway = _gateway(control.admin)
    first, second = _runtime(control, gateway), _runtime(control, gateway)
    path = f"/v1/gateways/{gateway['id']}"
    assert first.token.startswith("kt_gw_")
    listed = control.admin.get(f"{path}/tokens").json()["data"]
    assert [one["id"] for one in listed] == [second.key_id, first.key_id]
    assert "token" not in listed[0]
    assert control.admin.delete(f"{path}/tokens/{first.key_id}").status_code == 204
    assert_problem(first.get("/v1/whoami"), 401, "invalid_api_key")
    assert second.get("/v1/whoami").json()["role"] == "gateway"
    assert_problem(control.admin.delete(f"{path}/tokens/{control.admin.key_id}"), 404, "not_found")
    control.admin.delete(path)
    assert_problem(second.get("/v1/whoami"), 401, "invalid_api_key")


def test_reload_brings_the_same_document_again(control: Plane) -> None:
    """Its epoch rises and a waiting gateway is woken; what is to run, and the revision, stay."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    runtime = _runtime(control, gateway)
    path = f"/v1/gateways/{gateway['id']}"
    first = runtime.get("/v1/gateway/bundle")

    def reload() -> None:
        _until_waiting(control, gateway["id"])
        answer = control.admin.post(f"{path}/actions", {"action": "reload"}, If_Match='"r1"')
        assert (answer.json()["epoch"], answer.headers["etag"]) == (2, '"r1"')

    thread = threading.Thread(target=reload)
    thread.start()
    woken = runtime.get("/v1/gateway/bundle", If_None_Match=first.headers["etag"], Prefer="wait=20")
    thread.join()
    before, after = (json.loads(answer.json()["payload"]) for answer in (first, woken))
    assert {name for name in after if after[name] != before[name]} - {"issued_at", "not_after"} == {"epoch"}
    _report(runtime, configuration["content_digest"], epoch=2)
    assert [one["epoch"] for one in control.admin.get(path).json()["instances"]] == [2]


def test_pin_and_unpin(control: Plane) -> None:
    """Kept at what it runs, or at a named version, and set free again; what is so already is not done again."""
    configuration = _configuration(control.admin)
    gateway = _gateway(control.admin, configuration_id=configuration["id"])
    path = f"/v1/gateways/{gateway['id']}/actions"

    def act(**wanted: object) -> tuple[int | None, int]:
        shown = control.admin.post(path, wanted)
        assert shown.status_code == 200, shown.text
        return shown.json()["configuration_version"], shown.json()["epoch"]

    assert act(action="unpin") == (None, 1)
    assert act(action="pin") == (1, 2)
    control.admin.patch(f"/v1/configurations/{configuration['id']}", {"policy_yaml": OTHER_POLICY})
    assert act(action="pin") == (1, 2)
    assert act(action="unpin") == (None, 3)
    assert act(action="pin", configuration_version=1) == (1, 4)
    assert act(action="pin", configuration_version=2) == (2, 5)
    assert (
        control.admin.get(f"/v1/gateways/{gateway['id']}").json()["desired_digest"] != configuration["content_digest"]
    )
    audited = [one["action"] for one in control.admin.get("/v1/audit-log").json()["data"] if "pin" in one["action"]]
    assert audited == ["gateway.pin", "gateway.pin", "gateway.unpin", "gateway.pin"]


def test_actions_that_are_refused(control: Plane) -> None:
    """What there is not, who may not, a gateway that has nothing to run, and one that changed meanwhile."""
    one = _configuration(control.admin)["id"]
    bare, gateway = _gateway(control.admin, name="bare"), _gateway(control.admin, configuration_id=one)
    path = f"/v1/gateways/{gateway['id']}/actions"
    for refused, code in (
        ({}, "invalid_input"),
        ({"action": "restart"}, "invalid_input"),
        ({"action": "reload", "configuration_version": 1}, "invalid_input"),
        ({"action": "pin", "configuration_version": 2}, "unknown_version"),
    ):
        assert_problem(control.admin.post(path, refused), 422, code)
    for action in ("reload", "pin"):
        assert_problem(control.admin.post(f"/v1/gateways/{bare['id']}/actions", {"action": action}), 409,
                       "no_configuration")  # fmt: skip
        assert_problem(control.admin.post(path, {"action": action}, If_Match='"r7"'), 412, "version_conflict")
        assert_problem(control.person("viewer").post(path, {"action": action}), 403, "forbidden")
        assert_problem(_runtime(control, gateway).post(path, {"action": action}), 403, "forbidden")
        assert_problem(control.other_admin().post(path, {"action": action}), 404, "not_found")
    assert control.admin.get(f"/v1/gateways/{gateway['id']}").json() == gateway


def test_others_cannot_see_or_touch(control: Plane) -> None:
    """Another organisation's admin finds nothing."""
    gateway = _gateway(control.admin)
    other = control.other_admin()
    path = f"/v1/gateways/{gateway['id']}"
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"name": "mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/tokens", {}),
        ("GET", f"{path}/tokens", None),
    ):
        assert_problem(other.say(method, where, body), 404, "not_found")
    report = {"instance_id": "i", "version": "1", "active_digest": None, "epoch": None, "gateway_id": gateway["id"]}
    assert_problem(other.post("/v1/gateway/status", report), 404, "not_found")
    assert other.get("/v1/gateways").json()["data"] == []


def test_a_poll_that_finds_nothing_new_costs_no_query(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking again is answered from memory, also with the database away; a change is not."""
    configuration = _configuration(still.admin)
    runtime = _runtime(still, _gateway(still.admin, configuration_id=configuration["id"]))
    first = runtime.get("/v1/gateway/bundle")

    def fail(_self: Store) -> None:
        raise AssertionError("the database was asked")

    with monkeypatch.context() as patch:
        patch.setattr(Gateways, "desired", fail)
        assert runtime.get("/v1/gateway/bundle").json() == first.json()
        same = runtime.get("/v1/gateway/bundle", If_None_Match=first.headers["etag"], Prefer="wait=1")
        assert same.status_code == 304
    still.admin.patch(f"/v1/configurations/{configuration['id']}", {"policy_yaml": OTHER_POLICY})
    assert runtime.get("/v1/gateway/bundle").json() != first.json()
