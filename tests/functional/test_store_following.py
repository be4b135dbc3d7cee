"""A follower of the events sees each once, however many write."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from keeptrusts.store.appending import NewEvent
from keeptrusts.store.engine import open_engine
from keeptrusts.store.events import Cursor, Events, Filters
from keeptrusts.store.organisations import make_organisation
from keeptrusts.store.transaction import Store
from support.control import Databases, Plane, assert_problem
from support.records import Instance

ALL = Filters(exact={})
WRITERS, BATCHES, BATCH = 4, 25, 4


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A fresh one."""
    opened = Store(open_engine(databases.fresh()))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def org(store: Store) -> str:
    """Its organisation."""
    with store.write() as tx:
        return make_organisation(tx.connection, "first", at=tx.now)


def _new(one: Instance) -> NewEvent:
    record = one.decision()
    return NewEvent(
        id=record["id"], event_type="decision", verdict="allowed", reason_code="", gateway_id=None,
        instance_id=one.name, sequence=record["sequence"], configuration_id=None, model=None, provider=None,
        user_id=None, agent_id=None, request_id=None, acted="|", body='{"id":"' + record["id"] + '"}',
    )  # fmt: skip


def test_nothing_is_missed_or_repeated(store: Store, org: str) -> None:
    """Four writers and a follower at once."""
    written: set[str] = set()

    def write(number: int) -> None:
        one = Instance(f"gwi_{number}")
        for _ in range(BATCHES):
            with store.write() as tx:
                written.update(Events(tx.connection, org).append([_new(one) for _ in range(BATCH)], at=tx.now))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    with store.read() as tx:
        cursor = Events(tx.connection, org).now()
    for writer in writers:
        writer.start()
    seen: list[str] = []
    while True:
        over = not any(writer.is_alive() for writer in writers)
        with store.read() as tx:
            found, cursor = Events(tx.connection, org).after(cursor, ALL, limit=50)
        seen += [one.json_text[7:43] for one in found]
        if over and not found:
            break
    assert len(seen) == len(set(seen)) == WRITERS * BATCHES * BATCH
    assert set(seen) == written


def test_an_undecided_writer_holds_the_follower(store: Store, org: str) -> None:
    """On PostgreSQL a later commit is not shown before an earlier, open one: it would hide that for good."""
    if store.engine.dialect.name == "sqlite":
        with store.write() as tx:
            Events(tx.connection, org).append([_new(Instance())], at=tx.now)
        assert len(_after(store, org, Cursor(0, 0))) == 1
        return
    with store.write() as open_tx:
        Events(open_tx.connection, org).append([_new(Instance("gwi_1"))], at=open_tx.now)
        with store.write() as tx:
            Events(tx.connection, org).append([_new(Instance("gwi_2"))], at=tx.now)
        assert _after(store, org, Cursor(0, 0)) == []
    assert len(_after(store, org, Cursor(0, 0))) == 2


def _after(store: Store, org: str, cursor: Cursor) -> list[str]:
    with store.read() as tx:
        return [one.json_text for one in Events(tx.connection, org).after(cursor, ALL, limit=10)[0]]


@pytest.mark.parametrize("text", ["", "1", "a.b", "1.", ".1", "1.-1", "9" * 19 + ".1", "²,³", "1.2.3"])
def test_what_is_no_cursor(text: str) -> None:
    """Anything that a stream did not give."""
    assert Cursor.read(text) is None


def test_a_cursor_reads_what_it_writes() -> None:
    """There and back."""
    assert Cursor.read(str(Cursor(7, 2**40))) == Cursor(7, 2**40)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [("0", 422, "invalid_cursor"), ("a.b", 422, "invalid_cursor"), ("9" * 19 + ".0", 422, "invalid_cursor"),
     ("9" * 18 + "." + "9" * 18, 409, "cursor_ahead")],
)  # fmt: skip
def test_a_stream_says_when_it_cannot_go_on(control: Plane, given: str, status: int, code: str) -> None:
    """From what is no cursor, and from what lies behind the end: that of another database, before a restore."""
    answer = control.admin.get("/v1/events/stream", Last_Event_ID=given)
    assert "start without it" in assert_problem(answer, status, code)["detail"]
