"""Events in a database of their own, on both engines: all works as it does with one, and a crash splits nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from keeptrusts.cli.main import main
from keeptrusts.control.checkpointing import look
from keeptrusts.control.delivering import Courier
from keeptrusts.control.retaining import forget_some, keep_partitions, seal
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.store.apart import EVENTS, open_store, pair, require_pair
from keeptrusts.store.backup import back_up
from keeptrusts.store.deliveries import deliver, oldest_messages
from keeptrusts.store.errors import ConflictError, StoreUnavailableError
from keeptrusts.store.restoring import restore
from keeptrusts.store.transaction import Store
from support.control import POLICY, Databases, Plane, plane
from support.evidence import Evidence
from support.records import Instance

YEAR = 366 * 24 * 3600.0


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    """Those of a control plane with two fresh databases."""
    return Settings(
        data_dir=tmp_path,
        database_url=databases.fresh(),
        events_dsn=databases.fresh(),
        key_requests_per_minute=100_000,
    )


@pytest.fixture
def still(settings: Settings) -> Iterator[Plane]:
    """A control plane that does nothing by itself."""
    with plane(settings, background=()) as running:
        pair(running.services.store)
        yield running


def sent(plane: Plane, *records: dict[str, Any]) -> tuple[int, int]:
    receipt = plane.admin.made("/v1/gateway/events", {"events": list(records)})
    return len(receipt["accepted"]), len(receipt["duplicates"])


def rows(store: Store, table: str) -> int:
    with store.read() as tx:
        return int(tx.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def filled(plane: Plane) -> list[dict[str, Any]]:
    """A gateway, a webhook, sealed events and one that is not, and a message that nobody has carried over."""
    made = plane.admin.made("/v1/configurations", {"name": "usual", "policy_yaml": POLICY})
    plane.admin.made("/v1/gateways", {"name": "edge", "configuration_id": made["id"]})
    plane.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["event.*"]})
    one = Instance()
    records = [one.decision("blocked", configuration_id=made["id"]) for _ in range(3)]
    assert sent(plane, *records) == (3, 0)
    assert sent(plane, *records) == (0, 3)
    assert look(plane.services, at_once=True) == 1
    last = one.telling("who?")
    assert sent(plane, last) == (1, 0)
    return [*records, last]


def shown(plane: Plane) -> dict[str, Any]:
    paths = ("configurations", "events", "trail/checkpoints", "events/stats?since=2026-01-01T00:00:00Z")
    found = {path: plane.admin.get(f"/v1/{path}").json() for path in paths}
    found[paths[-1]].pop("until")
    return found


def test_everything_of_events_is_there_and_nothing_else(still: Plane, tmp_path: Path) -> None:
    """Lists, counts, proofs, archives, retention and simulation read the one; accounts are in the other."""
    records, store = filled(still), still.services.store
    for table in EVENTS - {"event_quarantine", "chain_breaks"}:
        assert rows(store, table) == 0 < rows(store.events, table), table
    assert rows(store.events, "keys") == rows(store.events, "organisations") == 0
    identifier = records[0]["id"]
    assert still.admin.get(f"/v1/events/{identifier}").json()["id"] == identifier
    assert still.admin.get("/v1/events?verdict=blocked").json()["data"][0]["id"] == records[2]["id"]
    assert still.admin.get("/v1/events/stats").json()["total"] == 4
    assert still.admin.get(f"/v1/trail/proof/{identifier}").status_code == 200
    configuration = still.admin.get("/v1/configurations").json()["data"][0]["id"]
    impact = still.admin.made(f"/v1/configurations/{configuration}/simulate", {"policy_yaml": POLICY})
    assert impact["window_from"] < impact["window_to"]
    evidence = Evidence.of(still, tmp_path)
    assert (len(evidence.rows), evidence.verified()) == (4, (set(), 0))
    old = Instance("gwi_old").decision(at=time.time() - YEAR)
    sent(still, old)
    look(still.services, at_once=True)
    keep_partitions(still.services)
    assert forget_some(still.services, still.org) == 1
    seal(still.services, still.org)
    gateway = still.admin.get("/v1/gateways").json()["data"][0]["id"]
    report = {"gateway_id": gateway, "instance_id": "gwi_1", "version": "1", "state": "ok"}
    answer = still.admin.post("/v1/gateway/status", report)
    if answer.status_code == 200:
        assert answer.json()["trail_head"]["number"] >= 3
    assert still.client.get("/readyz").status_code == 200


def test_a_message_is_delivered_once_wherever_a_crash_comes(still: Plane) -> None:
    """Carried over, and before it is gone here carried over again: the same deliveries, in the order of the events."""
    filled(still)
    store = still.services.store
    assert rows(store.events, "messages") == 4
    with store.events.read() as tx:
        told = oldest_messages(tx.connection, limit=3)
    for _ in range(2):  # as two replicas may, or one that died in between
        with store.write() as tx:
            deliver(tx.connection, told, tx.now)
    assert (rows(store, "deliveries"), rows(store.events, "messages")) == (3, 4)
    asyncio.run(Courier(still.services).fan_out())
    assert (rows(store, "deliveries"), rows(store.events, "messages"), rows(store, "messages")) == (4, 0, 0)
    hook = still.admin.get("/v1/webhooks").json()["data"][0]["id"]
    deliveries = still.admin.get(f"/v1/webhooks/{hook}/deliveries").json()["data"]
    assert [one["event_type"] for one in deliveries] == ["event.allowed", *["event.blocked"] * 3]


def test_a_backup_of_two_restores_into_two_or_one(
    still: Plane, settings: Settings, databases: Databases, tmp_path: Path
) -> None:
    """With every event and every message that was still to be told; and that one's as well."""
    filled(still)
    before, secret = shown(still), secret_key(settings)
    back_up(still.services.store, tmp_path / "first", secret)
    for name, following, split in (("first", "second", True), ("second", "third", False)):
        dsn = databases.empty() if split else None
        there = dataclasses.replace(settings, database_url=databases.empty(), events_dsn=dsn)
        store = open_store(there.database, there.events_dsn)
        restore(store, tmp_path / name, secret)
        store.close()
        with plane(there, background=()) as again:
            pair(again.services.store)
            admin = dataclasses.replace(still.admin, client=again.client)
            assert shown(dataclasses.replace(again, admin=admin)) == before
            assert (rows(again.services.store, "messages"), rows(again.services.store.events, "events")) == (6, 4)
            back_up(again.services.store, tmp_path / following, secret)
            if split:
                with pytest.raises(ConflictError, match="both have to be"):
                    restore(again.services.store, tmp_path / name, secret)


def test_no_server_shows_events_that_are_not_its_own(
    still: Plane, settings: Settings, databases: Databases, tmp_path: Path
) -> None:
    """Neither without the database of the events, nor with another's, nor with one that leaves its own behind."""
    filled(still)
    pair(still.services.store)
    without = dataclasses.replace(settings, events_dsn=None)
    strange = dataclasses.replace(settings, events_dsn=databases.fresh())
    theirs = dataclasses.replace(settings, database_url=databases.fresh())
    for wrong in (without, theirs):
        store = open_store(wrong.database, wrong.events_dsn)
        for refuse in (pair, require_pair):
            with pytest.raises(StoreUnavailableError, match="events-dsn") as refused:
                refuse(store)
            assert refused.value.code == "events_elsewhere"
        store.close()
    assert strange.events_dsn is not None
    with plane(dataclasses.replace(settings, database_url=databases.fresh(), events_dsn=None), background=()) as single:
        filled(single)
        leaving = open_store(single.services.settings.database, strange.events_dsn)
        with pytest.raises(StoreUnavailableError, match="kt server backup"):
            pair(leaving)
        leaving.close()
    words = ["server", "backup", "--database-url", settings.database, "--output", str(tmp_path / "half")]
    env = {"KEEPTRUSTS_SECRET_KEY": secret_key(settings).decode()}
    done = CliRunner().invoke(main, words, env=env)
    assert (done.exit_code, "--events-dsn" in done.stderr) == (1, True), done.stderr
    check = ["server", "check", "--database-url", settings.database, "--data-dir", str(tmp_path)]
    assert "events-dsn" in CliRunner().invoke(main, check, env=env).output
    assert settings.events_dsn is not None
    both = CliRunner().invoke(main, [*check, "--events-dsn", settings.events_dsn], env=env)
    assert "belongs to the other" in both.output
