"""Counts by the day, on both engines: for any window the same as by the hour and as of the rows themselves."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update

from keeptrusts.control.checkpointing import look
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.engine import open_engine
from keeptrusts.store.events import Cursor, Events, Filters
from keeptrusts.store.migrating import migrate
from keeptrusts.store.statistics import Statistics
from keeptrusts.store.trail import Trail
from keeptrusts.store.trail_tables import checkpoints, event_days, event_hours
from keeptrusts.store.transaction import Store, Tx
from support.control import Databases, Plane
from support.migrations import ORG, migrate_to
from support.records import Instance

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 5
EDGES = (timedelta(0), timedelta(milliseconds=1), -timedelta(milliseconds=1), timedelta(hours=1), timedelta(minutes=7))
FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"model": "a"},
    {"verdict": "blocked", "provider": "p"},
    {"gateway_id": "gw_1", "model": 'b"\\,{}'},
    {"user_id": "nobody"},
    {"event_type": "gap"},
    {"event_type": "decision", "model": "é" * 100},
)


def moment(chance: random.Random) -> datetime:
    """Any, at or near the turn of a day or of an hour as often as not."""
    whole = START + timedelta(days=chance.randrange(DAYS + 1), hours=chance.choice((0, 0, 0, chance.randrange(24))))
    return whole + chance.choice(EDGES) * chance.choice((0, 1, 1, chance.randrange(12)))


def decisions(one: Instance, chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        one.decision(
            chance.choice(("allowed", "blocked", "redacted")),
            at=moment(chance).timestamp(),
            model=chance.choice(("a", 'b"\\,{}', "é" * 100)),
            provider=chance.choice(("p", "q")),
            gateway_id=chance.choice(("gw_1", "gw_2")),
        )
        for _ in range(count)
    ]


def send(plane: Plane, records: list[dict[str, Any]]) -> None:
    assert len(plane.admin.made("/v1/gateway/events", {"events": records})["accepted"]) == len(records)


def counted(tx: Tx, org: str, exact: Mapping[str, str], since: datetime, until: datetime) -> list[dict[str, int]]:
    """By days and hours, by hours, and by the rows."""
    filters, sealed = Filters(exact=exact), Trail(tx.connection, org).head().cursor
    statistics = Statistics(tx.connection, org)
    found = [statistics.count(filters, since, until, sealed, by_day=by_day) for by_day in (True, False)]
    return [*found, Events(tx.connection, org).count(filters.within(since, until))]


def days_are_sums_of_hours(tx: Tx) -> bool:
    """Of every organisation, and in every dimension."""

    def sums(table: Any, day: Any) -> list[Any]:
        columns = [column for name, column in table.c.items() if name not in {"hour", "day", "count"}]
        query = select(day, *columns, func.sum(table.c["count"])).group_by(day, *columns)
        return sorted(tuple(row) for row in tx.connection.execute(query))

    days = sums(event_days, event_days.c.day)
    return bool(days) and days == sums(event_hours, event_hours.c.hour // 24)


def test_any_window_counts_alike(still: Plane) -> None:
    """Sealed in parts, with days added to that had been sealed before, and some that nobody has sealed yet."""
    chance, one = random.Random(11), Instance()
    for part in range(3):
        send(still, [*decisions(one, chance, 150), one.gap(900, 901)])
        if part < 2:
            assert look(still.services, at_once=True) == 1
    by_days = 0
    with still.services.store.read() as tx:
        assert days_are_sums_of_hours(tx)
        assert tx.connection.execute(select(func.sum(event_days.c["count"]))).scalar_one() == 300
        for _ in range(150):
            since, until = sorted((moment(chance), moment(chance)))
            exact = chance.choice(FILTERS)
            days, hours, rows = counted(tx, still.org, exact, since, until)
            assert days == hours == rows, (since, until, exact)
            by_days += bool(days) and until - since > timedelta(days=2)
    assert by_days > 20, "windows that whole days were taken for"
    asked = f"since={rfc3339(START + timedelta(hours=5))}&until={rfc3339(START + timedelta(days=4, minutes=3))}"
    with still.services.store.read() as tx:
        window = START + timedelta(hours=5), START + timedelta(days=4, minutes=3)
        *_, rows = counted(tx, still.org, {}, *window)
    assert still.admin.get(f"/v1/events/stats?{asked}").json()["total"] == sum(rows.values()) > 0


def test_whole_days_are_not_taken_from_the_hours(still: Plane) -> None:
    """Else they would cost what they cost before: without the hours between, the counts are the same."""
    send(still, decisions(Instance(), random.Random(3), 200))
    look(still.services, at_once=True)
    window = START + timedelta(hours=5), START + timedelta(days=4, hours=3)
    first = int(START.timestamp()) // 3600
    with still.services.store.write() as tx:
        *_, rows = counted(tx, still.org, {}, *window)
        between = event_hours.c.hour.between(first + 24, first + 4 * 24 - 1)
        assert tx.connection.execute(delete(event_hours).where(between)).rowcount > 0
        days, hours, _ = counted(tx, still.org, {}, *window)
    assert (days == rows, hours == rows) == (True, False)


def test_what_an_earlier_version_sealed_is_counted(still: Plane) -> None:
    """It still runs while the database is of the new one: hours are counted until the next to seal makes days whole."""
    one, chance = Instance(), random.Random(5)
    asked = f"/v1/events/stats?since={rfc3339(START)}&until={rfc3339(START + timedelta(days=DAYS + 1))}"
    send(still, decisions(one, chance, 100))
    look(still.services, at_once=True)
    send(still, decisions(one, chance, 100))
    look(still.services, at_once=True)
    with still.services.store.write() as tx:  # as if the second had known no days
        tx.connection.execute(update(checkpoints).where(checkpoints.c.number == 2).values(by_day=False))
        tx.connection.execute(delete(event_days).where(event_days.c.verdict == "allowed"))
        assert not days_are_sums_of_hours(tx)
    total = still.admin.get(asked).json()["total"]
    send(still, decisions(one, chance, 10))
    look(still.services, at_once=True)
    with still.services.store.read() as tx:
        assert days_are_sums_of_hours(tx)
        assert Trail(tx.connection, still.org).head().by_day
    assert still.admin.get(asked).json()["total"] == total + 10


def test_what_is_sealed_while_it_is_counted_is_counted_once(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows were counted before it, the hours after it."""
    send(still, decisions(Instance(), random.Random(9), 50))
    late, sealed = Statistics._late, list[int]()

    def interrupted(counting: Statistics, filters: Filters, upto: Cursor) -> dict[str, int]:
        found = late(counting, filters, upto)
        if not sealed:
            sealed.append(look(still.services, at_once=True))
        return found

    monkeypatch.setattr(Statistics, "_late", interrupted)
    asked = f"since={rfc3339(START - timedelta(days=1))}&until={rfc3339(START + timedelta(days=DAYS + 2))}"
    assert still.admin.get(f"/v1/events/stats?{asked}").json()["total"] == 50
    assert sealed == [1]


def test_the_migration_makes_days_of_the_hours(databases: Databases) -> None:
    """From midnight to midnight, so that the first count after it is as fast as the others."""
    store = Store(open_engine(databases.empty()))
    migrate_to(store, "0010")
    with store.write() as tx:
        for number in (1, 2):
            _execute(tx, _CHECKPOINT, org=ORG, number=number, entries=b"")
        for hour in (47, 48, 49, 71, 72):
            _execute(tx, _HOUR, org=ORG, hour=hour)
    migrate(store)
    with store.read() as tx:
        days = event_days.c
        found = tx.connection.execute(select(days.day, days["count"]).order_by(days.day)).all()
        assert [tuple(row) for row in found] == [(1, 5), (2, 15), (3, 5)]
        assert Trail(tx.connection, ORG).head().by_day
    store.close()


_CHECKPOINT = r"""
INSERT INTO checkpoints
SELECT :org, :number, '{"highest_id"\:"","highest_id_before"\:""}', 'k', 's', 'd', :entries, '', '', 0, 0, created_at
FROM organisations
"""
_HOUR = "INSERT INTO event_hours VALUES (:org, :hour, 'allowed', '', '', 'm', 'p', 5)"


def _execute(tx: Tx, statement: str, **given: object) -> None:
    tx.connection.execute(text(statement), given)
