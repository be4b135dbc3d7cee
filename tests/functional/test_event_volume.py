"""Events in large numbers on both engines: counted by the hour, and kept as long as they are to be kept."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from keeptrusts.control.checkpointing import look
from keeptrusts.control.retaining import forget_some, seal
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.events import Events, Filters
from keeptrusts.store.tables import configurations, events
from keeptrusts.store.trail_tables import event_hours
from support.control import POLICY, Plane
from support.evidence import Evidence
from support.records import Instance

HOUR = 3600.0


def send(plane: Plane, *records: dict[str, Any]) -> None:
    assert len(plane.admin.made("/v1/gateway/events", {"events": list(records)})["accepted"]) == len(records)


def left(plane: Plane) -> list[str]:
    with plane.services.store.read() as tx:
        return list(tx.connection.execute(select(events.c.id).order_by(events.c.id)).scalars())


def test_statistics_by_the_hour_are_those_of_the_rows(still: Plane) -> None:
    """For any window and filter, with some of it sealed and some not, and gap records counted nowhere."""
    chance = random.Random(7)
    one, now = Instance(), time.time()
    verdicts = ("allowed", "blocked", "redacted")
    for part in range(3):
        batch = [
            one.decision(chance.choice(verdicts), at=now - chance.random() * 6 * HOUR, model=chance.choice(("a", "b")))
            for _ in range(60)
        ]
        send(still, *batch, one.gap(900, 901))
        if part < 2:
            assert look(still.services, at_once=True) == 1
    with still.services.store.read() as tx:
        assert tx.connection.execute(select(func.sum(event_hours.c["count"]))).scalar_one() == 120
    for _ in range(40):
        ends = sorted(now - chance.random() * 7 * HOUR for _ in range(2))
        since, until = (datetime.fromtimestamp(end, UTC) for end in ends)
        exact = chance.choice(
            ({}, {"model": "a"}, {"verdict": "blocked"}, {"user_id": "nobody"}, {"event_type": "gap"})
        )
        asked = "&".join(f"{name}={value}" for name, value in exact.items())
        found = still.admin.get(f"/v1/events/stats?since={rfc3339(since)}&until={rfc3339(until)}&{asked}").json()
        with still.services.store.read() as tx:
            rows = Events(tx.connection, still.org).count(Filters(exact=exact, since=since, until=until))
        assert {name: count for name, count in found["verdicts"].items() if count} == rows, (since, until, exact)
        assert found["total"] == sum(rows.values())
    whole = still.admin.get(f"/v1/events/stats?since={rfc3339(datetime.fromtimestamp(now - 8 * HOUR, UTC))}").json()
    assert whole["total"] == 180


def test_names_of_any_length_are_counted(still: Plane) -> None:
    """A caller's model with a name that no index takes neither stops the sealer nor gets lost."""
    one, now, chance = Instance(), time.time(), random.Random(1)
    names = ["".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(200)) for _ in range(3)]
    long = {"model": names[0], "provider": names[1], "configuration_id": names[2]}
    send(still, *(one.decision(at=now - 3 * HOUR, **long) for _ in range(2)), one.decision(at=now - 3 * HOUR))
    assert look(still.services, at_once=True) == 1
    since = rfc3339(datetime.fromtimestamp(now - 6 * HOUR, UTC))
    assert still.admin.get(f"/v1/events/stats?since={since}").json()["total"] == 3
    assert still.admin.get(f"/v1/events/stats?since={since}&model={names[0]}").json()["total"] == 2


def test_events_are_kept_as_their_configuration_says(still: Plane, tmp_path: Path) -> None:
    """By the current document of each; what is not sealed stays; the counts stay; and the rest is still proven."""
    short = POLICY.replace("  audit-logger: {}\n", "  audit-logger:\n    retention_hours: 2\n")
    brief = still.admin.made("/v1/configurations", {"name": "brief", "policy_yaml": short})["id"]
    usual = still.admin.made("/v1/configurations", {"name": "usual", "policy_yaml": POLICY})["id"]
    one, now = Instance(), time.time()
    old = [one.decision(at=now - 3 * HOUR, configuration_id=brief) for _ in range(5)]
    fresh = one.decision(at=now - HOUR, configuration_id=brief)
    other = one.decision(at=now - 3 * HOUR, configuration_id=usual)
    ancient = one.decision(at=now - 366 * 24 * HOUR, configuration_id=usual)
    nobodys = one.decision(at=now - 366 * 24 * HOUR)
    send(still, *old, fresh, other, ancient, nobodys)
    assert forget_some(still.services, still.org) == 0, "nothing is sealed yet"
    look(still.services, at_once=True)
    assert [forget_some(still.services, still.org, batch=3) for _ in range(4)] == [3, 3, 1, 0]
    assert left(still) == sorted([fresh["id"], other["id"]])
    seal(still.services, still.org)
    evidence = Evidence.of(still, tmp_path)
    assert len(evidence.rows) == 2
    assert evidence.verified() == (set(), 0)
    evidence.rows = [row for row in evidence.rows if row["id"] != other["id"]]
    assert evidence.verified() == ({"deleted"}, 3), "another configuration keeps for two hours, this one for a year"
    since = rfc3339(datetime.now(UTC) - timedelta(hours=12))
    assert still.admin.get(f"/v1/events/stats?since={since}").json()["total"] == 7


def test_another_organisation_keeps_its_own(still: Plane) -> None:
    """What one deletes is not the other's."""
    stranger = still.other_admin()
    theirs = Instance("gwi_x").decision(at=time.time() - 366 * 24 * HOUR)
    assert len(stranger.made("/v1/gateway/events", {"events": [theirs]})["accepted"]) == 1
    look(still.services, at_once=True)
    assert forget_some(still.services, still.org) == 0
    assert left(still) == [theirs["id"]]


def test_without_a_configuration_no_more_is_excused_than_is_deleted(still: Plane, tmp_path: Path) -> None:
    """The checkpoint names an id, so a record that is missing for another reason is still found missing."""
    one, now = Instance(), time.time()
    send(still, one.decision(at=now - 366 * 24 * HOUR), *(one.decision(at=now - HOUR) for _ in range(3)))
    look(still.services, at_once=True)
    assert forget_some(still.services, still.org) == 1
    seal(still.services, still.org)
    evidence = Evidence.of(still, tmp_path)
    assert evidence.verified() == (set(), 0)
    del evidence.rows[1]
    assert evidence.verified() != (set(), 0)


def test_what_a_document_that_is_no_longer_one_decided_is_kept(still: Plane) -> None:
    """How long it is to be kept cannot be told, and what is deleted does not come back."""
    made = still.admin.made("/v1/configurations", {"name": "old", "policy_yaml": POLICY})["id"]
    one, now = Instance(), time.time()
    send(still, one.decision(at=now - 366 * 24 * HOUR, configuration_id=made))
    look(still.services, at_once=True)
    with still.services.store.write() as tx:
        tx.connection.execute(update(configurations).values(policy_yaml="of: yesterday"))
    assert forget_some(still.services, still.org) == 0
    with still.services.store.write() as tx:
        tx.connection.execute(update(configurations).values(policy_yaml=POLICY))
    assert forget_some(still.services, still.org) == 1
