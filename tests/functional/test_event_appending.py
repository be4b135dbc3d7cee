"""Events that are new are stored on a path of their own, and are the same rows as on the other."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from keeptrusts.control.event_records import LONGEST_COLUMN
from keeptrusts.store import intake
from keeptrusts.store.appending import NewEvent
from keeptrusts.store.errors import RepeatedEventError
from keeptrusts.store.events import Events
from keeptrusts.store.tables import events
from support.control import Plane
from support.records import Instance, event_id

TEXTS = [None, "", "\\N", "\x01N", "\x01", "a\tb", "a\nb\r", "\\", "\\.", 'é"\u2028\U0001f600']


def _new(text: str | None, number: int) -> NewEvent:
    return NewEvent(
        id=event_id(), event_type="decision", verdict="allowed", reason_code=text or "x", gateway_id=text,
        instance_id=text or "y", sequence=number, configuration_id=text, model=text, provider=text, user_id=text,
        agent_id=text, request_id=text, acted=text or "|", body='{"text":"\\\\n' + (text or "") + '"}',
    )  # fmt: skip


def _rows(plane: Plane, identifiers: list[str]) -> list[tuple[Any, ...]]:
    columns = [one for one in events.c if one.name not in {"id", "position", "xid"}]
    with plane.services.store.read() as tx:
        found = tx.connection.execute(select(*columns).where(events.c.id.in_(identifiers)).order_by(events.c.sequence))
        return [tuple(row) for row in found]


def test_both_ways_store_the_same(still: Plane) -> None:
    """Whatever is in the texts, and where there is none."""
    first, second = ([_new(text, number) for number, text in enumerate(TEXTS)] for _ in range(2))
    with still.services.store.write() as tx:
        now = tx.now
        intake.end(tx.connection, still.org, first, at=now, xid=7)
    with still.services.store.write() as tx:
        assert Events(tx.connection, still.org).append(second, at=now) == {one.id for one in second}
    rows = _rows(still, [one.id for one in first])
    assert rows == _rows(still, [one.id for one in second])
    assert [row[5] for row in rows] == TEXTS


def test_one_that_is_there_fails_the_whole(still: Plane) -> None:
    """Nothing of such a batch is stored until somebody looks for what is missing."""
    one, other = _new("a", 1), _new("b", 2)
    with still.services.store.write() as tx:
        intake.end(tx.connection, still.org, [one], at=tx.now, xid=7)
    with pytest.raises(RepeatedEventError), still.services.store.write() as tx:
        intake.end(tx.connection, still.org, [other, one], at=tx.now, xid=7)
    assert len(_rows(still, [one.id, other.id])) == 1


def test_an_event_that_comes_again_under_a_new_sequence(still: Plane) -> None:
    """It is a duplicate, and the others of its batch are stored; their chain is as they say."""
    instance = Instance()
    first = instance.decision()
    assert still.admin.made("/v1/gateway/events", {"events": [first]})["accepted"] == [first["id"]]
    again, new = instance.decision(id=first["id"]), instance.decision()
    receipt = still.admin.made("/v1/gateway/events", {"events": [again, new]})
    assert receipt == {"accepted": [new["id"]], "duplicates": [first["id"]], "rejected": []}


def test_the_longest_texts_fit_into_every_index(still: Plane) -> None:
    """Nothing that a caller chooses is too long to be stored, however badly it can be compressed."""
    chance = random.Random(5)
    long: dict[str, Any] = {
        name: "".join(chr(chance.randrange(0x1F000, 0x2F000)) for _ in range(LONGEST_COLUMN))
        for name in ("reason_code", "configuration_id", "model", "provider", "user_id", "agent_id", "gateway_id")
    }
    instance = Instance()
    event = instance.decision("blocked", **long)
    assert still.admin.made("/v1/gateway/events", {"events": [event]})["accepted"] == [event["id"]]
    for name in ("model", "user_id", "agent_id", "gateway_id", "reason_code"):
        found = still.admin.get(f"/v1/events?{urlencode({name: long[name], 'verdict': 'blocked'})}").json()["data"]
        assert [one["id"] for one in found] == [event["id"]]
