"""Batches that wait at the same time share a transaction, and each is answered for itself."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from keeptrusts.api.runtime import EventReceipt
from keeptrusts.control import gathering
from keeptrusts.control.auth import Actor
from keeptrusts.control.gathering import LANES, Gathering
from keeptrusts.control.ingest import Batch, Part, read_events, take_in
from keeptrusts.core.canonical import canonical_json
from keeptrusts.store.chains import Chains
from keeptrusts.store.errors import StoreUnavailableError
from support.control import Plane, assert_problem
from support.records import Instance

WAITING = 5


def _actor(org: str) -> Actor:
    return Actor("key_1", "x", org, "x", "key", "admin", (), None, None, None, "req_1")


class Busy:
    """A place where batches are taken in, whose lanes are held until `free`."""

    def __init__(self, plane: Plane) -> None:
        self.commits: list[str] = []
        self._open = threading.Event()
        self._actor = _actor(plane.org)
        self.store = plane.services.store
        self._sealer = plane.services.sealer
        self.gathering = Gathering(plane.services.store, self._told)
        self.lanes = 1 if plane.services.store.engine.dialect.name == "sqlite" else LANES
        self.threads = ThreadPoolExecutor(self.lanes + WAITING)

    def _told(self, org: str) -> None:
        self.commits.append(org)
        assert self._open.wait(30)

    def batch(self, one: Instance, count: int = 2) -> Batch:
        records = [canonical_json(one.decision()) for _ in range(count)]
        return read_events(records, self._actor, self._sealer)

    def run(self, batches: list[Batch]) -> list[EventReceipt]:
        """The first of them hold the lanes while the others come."""
        first = [self.threads.submit(self.gathering.take_in, self._actor, one) for one in batches[: self.lanes]]
        self._wait(lambda: len(self.commits) == self.lanes)
        rest = []
        for number, one in enumerate(batches[self.lanes :]):
            rest.append(self.threads.submit(self.gathering.take_in, self._actor, one))
            self._wait(lambda expected=number + 1: len(self.gathering._queue) == expected)
        self._open.set()
        return [one.result(30) for one in (*first, *rest)]

    def _wait(self, there: object) -> None:
        assert callable(there)
        end = time.monotonic() + 30
        while not there():
            assert time.monotonic() < end
            time.sleep(0.002)


@pytest.fixture
def busy(still: Plane) -> Busy:
    """One."""
    return Busy(still)


def test_who_waits_goes_together(busy: Busy) -> None:
    """One transaction more for each lane; an event that two of them have is accepted once."""
    ones = [Instance(f"gwi_{number}") for number in range(busy.lanes + WAITING)]
    batches = [busy.batch(one) for one in ones]
    batches[-1] = batches[-2]
    receipts = busy.run(batches)
    assert busy.lanes < len(busy.commits) <= 2 * busy.lanes
    for batch, receipt in zip(batches[:-1], receipts[:-1], strict=True):
        assert dict(receipt) == {"accepted": list(batch.good), "duplicates": [], "rejected": []}
    assert dict(receipts[-1]) == {"accepted": [], "duplicates": list(batches[-1].good), "rejected": []}


def test_a_transaction_does_not_grow_without_bound(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for one waits for the next."""
    monkeypatch.setattr(gathering, "MOST_EVENTS", 4)
    receipts = busy.run([busy.batch(Instance(f"gwi_{number}")) for number in range(busy.lanes + WAITING)])
    assert [len(one["accepted"]) for one in receipts] == [2] * (busy.lanes + WAITING)
    assert len(busy.commits) >= busy.lanes + 3


def test_batches_that_wait_have_room_together(still: Plane) -> None:
    """One that finds none is answered at once, is not stored, and is taken when it is sent again."""
    record = Instance().decision()
    with still.services.gathering.room(gathering.MOST_HELD_BYTES):
        answer = still.admin.post("/v1/gateway/events", {"events": [record]})
        assert_problem(answer, 503, "busy")
        assert int(answer.headers["retry-after"]) > 0
    assert still.admin.made("/v1/gateway/events", {"events": [record]})["accepted"] == [record["id"]]
    with still.services.gathering.room(gathering.MOST_HELD_BYTES):
        assert still.admin.get("/v1/events").status_code == 200


def test_the_fault_of_one_is_not_that_of_the_others(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that went with it go again, each alone."""
    batches = [busy.batch(Instance(f"gwi_{number}")) for number in range(busy.lanes + WAITING)]
    bad = next(iter(batches[-2].good))

    def failing(store: object, org: str, parts: list[Part], told: object) -> list[EventReceipt]:
        if any(bad in part.batch.good for part in parts):
            raise ZeroDivisionError
        return take_in(store, org, parts, told)  # type: ignore[arg-type]

    monkeypatch.setattr(gathering, "take_in", failing)
    with pytest.raises(ZeroDivisionError):
        busy.run(batches)
    busy.threads.shutdown()
    again = busy.gathering.take_in(_actor(busy.commits[0]), batches[-1])
    assert again["duplicates"] == list(batches[-1].good)


def test_a_database_that_is_away_is_everybodys(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is acknowledged, the lane is free again, and the same batch can be sent later."""
    batch = busy.batch(Instance())

    def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr(gathering, "take_in", away)
        with pytest.raises(StoreUnavailableError):
            busy.gathering.take_in(_actor("org_1"), batch)
    busy._open.set()
    found = [busy.gathering.take_in(busy._actor, batch) for _ in range(busy.lanes + 1)]
    assert [len(one["accepted"]) for one in found] == [2] + [0] * busy.lanes


def test_an_instance_that_is_new_beside_one_that_is_known(busy: Busy) -> None:
    """In one transaction each chain goes on where it ended; none is noted as broken."""
    busy._open.set()
    known, new = Instance("gwi_known"), Instance("gwi_new")
    busy.gathering.take_in(busy._actor, busy.batch(known))
    parts = [Part(busy._actor, busy.batch(one)) for one in (known, new)]
    receipts = take_in(busy.store, busy._actor.org, parts, lambda: None)
    assert [dict(one) for one in receipts] == [
        {"accepted": list(part.batch.good), "duplicates": [], "rejected": []} for part in parts
    ]
    with busy.store.read() as tx:
        assert Chains(tx.connection, busy._actor.org).breaks() == []


def test_a_name_is_never_read_as_part_of_a_statement(busy: Busy) -> None:
    """Whatever an instance calls itself, its chain is its own."""
    busy._open.set()
    named = Instance("x'); DROP TABLE events; --\\'\u00e9\U0001f600")
    for _ in range(2):
        batch = busy.batch(named)
        assert busy.gathering.take_in(busy._actor, batch)["accepted"] == list(batch.good)
    with busy.store.read() as tx:
        assert Chains(tx.connection, busy._actor.org).breaks() == []
