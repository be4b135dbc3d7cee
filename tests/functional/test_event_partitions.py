"""Daily partitions of events, on PostgreSQL alone: made ahead, dropped whole, and never in the way of what is sent."""

from __future__ import annotations

import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keeptrusts.control.checkpointing import look
from keeptrusts.control.retaining import drop_partition, forget_some, keep_partitions, seal
from keeptrusts.control.settings import Settings
from keeptrusts.store import partitions
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.engine import open_engine
from keeptrusts.store.events import Cursor
from keeptrusts.store.migrating import migrate, require_current
from keeptrusts.store.transaction import Store
from support.control import POLICY, Databases, Plane, plane
from support.evidence import Evidence
from support.migrations import ORG, insert_event, is_partition, migrate_to
from support.records import Instance

DAY = 24 * 3600.0
SHORT = POLICY.replace("  audit-logger: {}\n", "  audit-logger:\n    retention_hours: 720\n")


@pytest.fixture(scope="module")
def databases(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Of PostgreSQL alone."""
    return Databases(tmp_path_factory.mktemp("partitions"), postgres_url)


@pytest.fixture
def still(databases: Databases, tmp_path: Path) -> Iterator[Plane]:
    """A control plane that does nothing by itself."""
    settings = Settings(data_dir=tmp_path, database_url=databases.fresh(), key_requests_per_minute=100_000)
    with plane(settings, background=()) as running:
        yield running


def day_of(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def sent(plane: Plane, *records: dict[str, Any]) -> tuple[int, int]:
    """How many were accepted, and how many were duplicates."""
    receipt = plane.admin.made("/v1/gateway/events", {"events": list(records)})
    return len(receipt["accepted"]), len(receipt["duplicates"])


def held(store: Store) -> dict[str, int]:
    """Rows by partition, of those that have some."""
    with store.read() as tx:
        query = "SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1"
        return {row[0]: row[1] for row in tx.connection.execute(text(query))}


def made(store: Store, *days: date) -> list[str]:
    with store.write() as tx:
        return partitions.make(tx.connection, days)


def test_an_event_meets_itself_wherever_it_lies(still: Plane) -> None:
    """Of today, of years ago, of a clock that runs ahead: each is stored once, however often it is sent."""
    one, now = Instance(), time.time()
    records = [one.decision(at=at) for at in (now, now - DAY, now - 900 * DAY, now + 900 * DAY)]
    assert sent(still, *records) == (4, 0)
    assert sent(still, *records) == (0, 4)
    today, yesterday = (f"events_{day_of(at):%Y%m%d}" for at in (now, now - DAY))
    assert held(still.services.store) == {today: 1, yesterday: 1, "events_default": 2}
    late = day_of(now - 900 * DAY)
    assert made(still.services.store, late) == [f"events_{late:%Y%m%d}"]
    assert held(still.services.store)["events_default"] == 1, "what was there is moved into its own"
    assert sent(still, *records) == (0, 4)
    assert [event["id"] for event in still.admin.get("/v1/events").json()["data"]] == sorted(
        (record["id"] for record in records), reverse=True
    )


@pytest.mark.parametrize(
    "asked", ["", "&verdict=blocked", "&since={19}", "&since={3}", "&until={2}", "&since={90}&until={0.5}"]
)
def test_pages_go_on_wherever_their_events_lie(still: Plane, asked: str) -> None:
    """A page looks at the newest days first, and no event is passed over: near, far apart, or ahead of the clock."""
    one, now = Instance(), time.time()
    ages = (-400, -0.1, 0, 0.6, 1.5, 9, 12, 15, 80, 900)
    records = [one.decision("blocked" if at > 5 else "allowed", at=now - at * DAY) for at in reversed(ages)]
    assert sent(still, *records) == (10, 0)
    query = re.sub(
        r"{([\d.]+)}", lambda found: rfc3339(datetime.fromtimestamp(now - float(found[1]) * DAY, UTC)), asked
    )
    whole = [event["id"] for event in still.admin.get(f"/v1/events?limit=200{query}").json()["data"]]
    limits = {name: float(age) for name, age in re.findall(r"(since|until)={([\d.]+)}", asked)}
    expected = [
        record["id"]
        for record, age in zip(reversed(records), ages, strict=True)
        if limits.get("until", -1e9) <= age <= limits.get("since", 1e9) and ("verdict" not in asked or age > 5)
    ]
    assert whole == sorted(expected, reverse=True)
    for limit in (1, 3):
        paged, cursor = [], ""
        while cursor is not None:
            page = still.admin.get(f"/v1/events?limit={limit}{query}{cursor and '&cursor=' + cursor}").json()
            paged += [event["id"] for event in page["data"]]
            cursor = page["next_cursor"]
        assert paged == whole
    assert still.admin.get("/v1/events?cursor=MXp6eg").status_code in {200, 422}, "a cursor that names no event"


def test_several_make_the_same_partitions(still: Plane) -> None:
    """One does, while others write; nobody fails and nothing is stored twice."""
    start, store = date(2024, 2, 27), still.services.store
    days = [start + timedelta(days=number) for number in range(4)]
    one, found, failures = Instance(), list[str](), list[BaseException]()

    def work() -> None:
        try:
            found.extend(made(store, *days))
        except BaseException as failed:
            failures.append(failed)
            raise

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number in range(8):
        moment = datetime(2024, 2, 27, tzinfo=UTC).timestamp() + number * DAY / 2
        batch = {"events": [one.decision(at=moment)]}
        while (answer := still.admin.post("/v1/gateway/events", batch)).status_code == 503:
            pass  # its day was just being made; a gateway sends it again, too
        assert len(answer.json()["accepted"]) == 1
    for worker in workers:
        worker.join()
    assert (sorted(found), failures) == ([f"events_{day:%Y%m%d}" for day in days], [])
    assert held(store) == dict.fromkeys(found, 2)


def test_a_day_of_which_nothing_is_kept_goes_whole(still: Plane, tmp_path: Path) -> None:
    """Not before everything in it is sealed and past the time of whoever decided it; the rest is still proven."""
    brief = still.admin.made("/v1/configurations", {"name": "brief", "policy_yaml": SHORT})["id"]
    one, now, store = Instance(), time.time(), still.services.store
    first, second = now - 40 * DAY, now - 35 * DAY
    made(store, day_of(first), day_of(second))
    old = [one.decision(at=first, configuration_id=brief) for _ in range(3)]
    mixed = [one.decision(at=second, configuration_id=brief), one.decision(at=second)]
    fresh = one.decision(at=now - 3600, configuration_id=brief)
    sent(still, *old, *mixed, fresh)
    assert drop_partition(still.services) is None, "nothing is sealed yet"
    look(still.services, at_once=True)
    assert drop_partition(still.services) == {still.org}
    assert drop_partition(still.services) is None, "the other day has an event of no configuration, kept for a year"
    assert [forget_some(still.services, still.org) for _ in range(2)] == [1, 0]
    seal(still.services, still.org)
    assert sorted(held(store).values()) == [1, 1]
    evidence = Evidence.of(still, tmp_path, window="90d")
    assert {row["id"] for row in evidence.rows} == {mixed[1]["id"], fresh["id"]}
    assert evidence.verified() == (set(), 0)
    assert sent(still, old[0]) == (1, 0), "it comes back late, and has a place"
    assert held(store)["events_default"] == 1


def test_another_organisation_keeps_a_day(still: Plane) -> None:
    """A partition is everybody's."""
    brief = still.admin.made("/v1/configurations", {"name": "brief", "policy_yaml": SHORT})["id"]
    stranger, old = still.other_admin(), time.time() - 40 * DAY
    made(still.services.store, day_of(old))
    sent(still, Instance().decision(at=old, configuration_id=brief))
    theirs = Instance("gwi_x").decision(at=old)
    stranger.made("/v1/gateway/events", {"events": [theirs]})
    look(still.services, at_once=True)
    assert keep_partitions(still.services) == set()
    assert sum(held(still.services.store).values()) == 2


def _migrate(url: str) -> None:
    migrate(Store(open_engine(url)))


def test_a_filled_table_is_partitioned(databases: Databases) -> None:
    """By two processes at once: every row stays, ids stay unique, and all of it goes when its time comes."""
    url, now = databases.empty(), time.time()
    store = Store(open_engine(url))
    migrate_to(store, "0008")
    ids = {insert_event(store, at=at) for at in (now - 800 * DAY, now - DAY, now, now + 400 * DAY)}
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_migrate, args=(url,)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0, 0]
    require_current(store)
    assert held(store) == {"events_before": 3, "events_default": 1}
    with store.read() as tx:
        assert set(tx.connection.execute(text("SELECT id FROM events")).scalars()) == ids
        highest = tx.connection.execute(text("SELECT max(position) FROM events")).scalar_one()
    with store.write() as tx:
        ahead = partitions.make_ahead(tx.connection, day_of(now))
    assert len(ahead) == partitions.DAYS_AHEAD, "today is in the old one"
    assert all(map(is_partition, ahead))
    insert_event(store, at=now + DAY)
    with store.read() as tx:
        assert tx.connection.execute(text("SELECT max(position) FROM events")).scalar_one() == highest + 1
        assert tx.connection.execute(text("SELECT count(DISTINCT org) FROM events")).scalar_one() == 1
    assert f"events_{day_of(now + DAY):%Y%m%d}" in held(store)
    repeated = "INSERT INTO events SELECT * FROM events ON CONFLICT (org, id) DO NOTHING"
    with store.write() as tx:
        assert tx.connection.execute(text(repeated)).rowcount == 0
    everything = partitions.Kept({}, f"evt_{'f' * 32}", Cursor(2**62, 0))
    with store.write() as tx:
        assert partitions.drop_past(tx.connection, {ORG: everything}, f"evt_{'f' * 32}") == {ORG}
    assert "events_before" not in held(store)
    store.close()
