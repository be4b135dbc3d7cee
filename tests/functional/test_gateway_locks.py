"""Who waits for whom when gateways and what they follow change at once, on PostgreSQL: never in a circle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keeptrusts.api.runtime import StatusReport
from keeptrusts.control import policies
from keeptrusts.control.fleet import tell_health
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.configurations import Configurations, Write
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.transaction import Tx
from support.control import OTHER_POLICY, POLICY, Databases, Plane, plane


@pytest.fixture(scope="module")
def databases(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Of PostgreSQL alone: on SQLite one writer works at a time."""
    return Databases(tmp_path_factory.mktemp("locks"), postgres_url)


@pytest.fixture
def still(databases: Databases, tmp_path: Path) -> Iterator[Plane]:
    """A control plane that does nothing by itself."""
    settings = Settings(data_dir=tmp_path, database_url=databases.fresh(), key_requests_per_minute=100_000)
    with plane(settings, background=()) as running:
        yield running


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Where the other transaction runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def made(still: Plane, name: str = "production") -> tuple[str, str]:
    """A configuration and a gateway that follows it."""
    configuration = still.admin.made("/v1/configurations", {"name": name, "policy_yaml": POLICY})["id"]
    draft = {"name": f"of-{name}", "configuration_id": configuration}
    return configuration, still.admin.made("/v1/gateways", draft)["id"]


def in_sync(still: Plane, gateway: str) -> StatusReport:
    """What an instance says that runs what it should."""
    desired = still.admin.get(f"/v1/gateways/{gateway}").json()["desired_digest"]
    return {"instance_id": "i", "version": "1.0.0", "active_digest": desired, "epoch": 1}  # type: ignore[typeddict-item]


def write_version(still: Plane, tx: Tx, configuration: str) -> list[str]:
    """As the route does it: the configuration, its version, its gateways."""
    mine = Configurations(tx.connection, still.admin.org)
    write = Write(author="key_1", at=tx.now)
    mine.change(configuration, {}, policies.read_policy(OTHER_POLICY, {}), write)
    return Gateways(tx.connection, still.admin.org).follow(configuration, at=tx.now)


def until_waiting(still: Plane, other: Future[Any]) -> None:
    """Until the other transaction waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with still.services.store.read() as tx:
            if tx.connection.execute(waiting).scalar_one():
                return
        assert not other.done(), "it did not wait"
        time.sleep(0.01)
    raise AssertionError("nobody waits")


CHANGES: dict[str, Callable[[Plane, str, str], Any]] = {
    "pin": lambda still, gateway, _: still.admin.post(f"/v1/gateways/{gateway}/actions", {"action": "pin"}),
    "version": lambda still, gateway, _: still.admin.patch(f"/v1/gateways/{gateway}", {"configuration_version": 1}),
    "another": lambda still, gateway, other: still.admin.patch(
        f"/v1/gateways/{gateway}", {"configuration_id": other, "configuration_version": None}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_gateway_changes_while_its_configuration_does(still: Plane, beside: ThreadPoolExecutor, change: str) -> None:
    """Both are done: whoever came second waits before it has locked anything that the first still needs."""
    configuration, gateway = made(still)
    other, _ = made(still, "other")
    before = still.admin.get(f"/v1/gateways/{gateway}").json()["epoch"]
    with still.services.store.write() as tx:
        Configurations(tx.connection, still.admin.org).read(configuration, to_change=True)
        answer = beside.submit(CHANGES[change], still, gateway, other)
        until_waiting(still, answer)
        assert write_version(still, tx, configuration) == [gateway]
    changed = answer.result(20)
    assert changed.status_code == 200, changed.text
    assert changed.json()["epoch"] == before + 2
    assert still.admin.get(f"/v1/configurations/{configuration}").json()["version"] == 2


def test_a_gateway_that_gets_another_configuration_while_one_waits(still: Plane, beside: ThreadPoolExecutor) -> None:
    """What was locked for the configuration it no longer has is let go, and the one it has is locked instead."""
    first, gateway = made(still)
    second, _ = made(still, "second")
    with still.services.store.write() as tx:
        Gateways(tx.connection, still.admin.org).read(gateway, at=tx.now, to_change=True, following=second)
        answer = beside.submit(CHANGES["pin"], still, gateway, second)
        until_waiting(still, answer)
        Gateways(tx.connection, still.admin.org).change(gateway, {"configuration_id": second}, at=tx.now)
    pinned = answer.result(20).json()
    assert (pinned["configuration_id"], pinned["configuration_version"]) == (second, 1)
    assert first != second


def test_an_instance_reports_while_its_gateway_is_deleted(still: Plane, beside: ThreadPoolExecutor) -> None:
    """The report is kept and told, then the gateway goes: neither has locked what the other still needs."""
    _, gateway = made(still)
    said = in_sync(still, gateway)
    still.admin.made("/v1/gateway/status", {**said, "gateway_id": gateway})
    with still.services.store.write() as tx:
        Gateways(tx.connection, still.admin.org).report(gateway, {**said, "last_error": "full"}, at=tx.now)
        answer = beside.submit(still.admin.delete, f"/v1/gateways/{gateway}")
        until_waiting(still, answer)
        tell_health(tx, still.admin.org, gateway)
    assert answer.result(20).status_code == 204


def test_a_report_of_a_gateway_that_was_deleted_meanwhile(still: Plane) -> None:
    """It is not kept, and says why."""
    _, gateway = made(still)
    said = in_sync(still, gateway)
    assert still.admin.delete(f"/v1/gateways/{gateway}").status_code == 204
    with still.services.store.write() as tx, pytest.raises(NotFoundError, match="no such gateway"):
        Gateways(tx.connection, still.admin.org).report(gateway, said, at=tx.now)


def test_what_wakes_many_gateways_takes_them_in_one_order(still: Plane, beside: ThreadPoolExecutor) -> None:
    """A new version and a new value of a secret meet at the same gateways, and both are done."""
    configuration, gateway = made(still)
    for number in range(20):
        still.admin.made("/v1/gateways", {"name": f"more-{number}", "configuration_id": configuration})
    still.admin.made("/v1/config-variables", {"name": "openai", "value": "hunter2"})
    with still.services.store.write() as tx:
        Gateways(tx.connection, still.admin.org).read(gateway, at=tx.now, to_change=True)
        draft = {"name": "another", "value": "hunter3"}
        answer = beside.submit(still.admin.post, "/v1/config-variables", draft)
        until_waiting(still, answer)
        assert len(write_version(still, tx, configuration)) == 21
    assert answer.result(20).status_code == 201
