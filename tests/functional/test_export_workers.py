"""Workers that write archives, on both engines: killed, replaced, racing, stopped, swept after."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from keeptrusts.control.archive_places import drafts_of
from keeptrusts.control.exporting import LEASE_FOR, MOST_ATTEMPTS, Exporter
from keeptrusts.store.jobs import EXPORTS, Jobs, LeaseLostError
from keeptrusts.store.tables import messages
from keeptrusts.store.work_tables import jobs
from support.control import Plane, assert_problem
from support.exports import DRAFT, download, left, send
from support.records import Instance
from support.webhooks import Clock, until


def test_a_killed_worker_is_replaced(still: Plane, export: Callable[..., dict[str, Any]], clock: Clock) -> None:
    """Half-way through it vanishes: nothing half is to be seen, another starts over, and the first can do no harm."""
    one = Instance()
    send(still.admin, *[one.decision() for _ in range(8)])
    made = still.admin.made("/v1/exports/jobs", DRAFT)
    dying = Exporter(still.services, clock=clock, page_rows=3)
    (lease,) = dying.crew.claim()
    work = dying._begin(lease)
    assert dying._step(lease, work)
    assert dying._step(lease, work)
    job = still.admin.get(f"/v1/exports/jobs/{made['id']}").json()
    assert (job["state"], job["rows_done"], job["rows_total"]) == ("running", 6, 8)
    assert all(name.endswith(".part") for name in left(still))
    other = Exporter(still.services, clock=clock, page_rows=3)
    asyncio.run(other.crew.settle())
    assert still.admin.get(f"/v1/exports/jobs/{made['id']}").json()["state"] == "running"
    clock.pass_time(seconds=LEASE_FOR.total_seconds() + 1)
    asyncio.run(other.crew.settle())
    done = still.admin.get(f"/v1/exports/jobs/{made['id']}").json()
    assert (done["state"], done["rows_done"]) == ("completed", 8)
    content = download(still.admin, done)
    with pytest.raises(LeaseLostError):
        dying._step(lease, work)
    with pytest.raises(LeaseLostError):
        dying._complete(lease, work)
    work.archive.close()
    assert download(still.admin, done) == content
    assert hashlib.sha256(content).hexdigest() == done["sha256"]


def test_what_dead_workers_left_is_swept(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Files that no export names go after a day; those of an export stay, and those that are no archives."""
    job = export()
    folder = drafts_of(still.services.settings)
    kept = set(left(still))
    (folder / ".exp_0-dead.part").write_text("half")
    (folder / "exp_0-dead.csv").write_text("whole")
    (folder / "exp_0-new.csv").write_text("just now")
    (folder / "invoices.csv").write_text("somebody else's")
    for path in folder.iterdir():
        if "new" not in path.name:
            os.utime(path, (0, 0))
    Exporter(still.services).remove_orphans()
    assert set(left(still)) == kept | {"exp_0-new.csv", "invoices.csv"}
    assert len(download(still.admin, job)) == job["size_bytes"]


def test_one_that_kills_its_workers_fails(still: Plane, export: Callable[..., dict[str, Any]], clock: Clock) -> None:
    """After so many interruptions it is given up, and says so."""
    made = still.admin.made("/v1/exports/jobs", DRAFT)
    exporter = Exporter(still.services, clock=clock)
    for _ in range(MOST_ATTEMPTS):
        assert len(exporter.crew.claim()) == 1
        clock.pass_time(seconds=LEASE_FOR.total_seconds() + 1)
    asyncio.run(exporter.crew.settle())
    job = still.admin.get(f"/v1/exports/jobs/{made['id']}").json()
    assert (job["state"], "interrupted" in job["error"]) == ("failed", True)
    assert_problem(still.admin.get(f"/v1/exports/jobs/{made['id']}/download"), 409, "export_failed")


def test_two_exporters_write_each_once(still: Plane, clock: Clock) -> None:
    """A race of two workers over six jobs: six archives, six completions."""
    one = Instance()
    send(still.admin, *[one.decision() for _ in range(5)])
    still.admin.made("/v1/webhooks", {"url": "https://example.com/", "event_types": ["export.*"]})
    for _ in range(6):
        still.admin.made("/v1/exports/jobs", DRAFT)

    async def race() -> None:
        crews = [Exporter(still.services, clock=clock, page_rows=2).crew for _ in range(2)]
        await asyncio.gather(*(crew.settle() for crew in crews))

    asyncio.run(race())
    states = [job["state"] for job in still.admin.get("/v1/exports/jobs").json()["data"]]
    assert states == ["completed"] * 6
    assert len(left(still)) == 12
    with still.services.store.read() as tx:
        assert len(tx.connection.execute(select(messages)).all()) == 6


def test_a_running_control_plane_writes_it(control: Plane) -> None:
    """Asked for, written, fetched, and the same request again asks for nothing new."""
    send(control.admin, Instance().decision())
    made = control.admin.made("/v1/exports/jobs", DRAFT, Idempotency_Key="once")
    again = control.admin.made("/v1/exports/jobs", DRAFT, Idempotency_Key="once")
    assert again["id"] == made["id"]
    path = f"/v1/exports/jobs/{made['id']}"
    took = until(lambda: control.admin.get(path).json()["state"] == "completed")
    assert took < 3
    assert len(download(control.admin, made).splitlines()) == 1
    assert [one["id"] for one in control.admin.get("/v1/exports/jobs?state=completed").json()["data"]] == [made["id"]]


def test_a_stop_hands_the_job_back(still: Plane, clock: Clock) -> None:
    """Cut short by the end of the process, it is due at once for the next one, and counts as no interruption."""
    one = Instance()
    send(still.admin, *[one.decision() for _ in range(5)])
    still.admin.made("/v1/exports/jobs", DRAFT)
    exporter = Exporter(still.services, clock=clock, page_rows=1)
    stepped = threading.Event()
    real = exporter._step

    def slow(lease: Any, work: Any) -> bool:
        stepped.set()
        time.sleep(0.05)
        return real(lease, work)

    exporter._step = slow  # type: ignore[method-assign]

    async def stop() -> None:
        await exporter.crew.step()
        while not stepped.is_set():  # noqa: ASYNC110  set by a thread
            await asyncio.sleep(0.01)
        await exporter.crew.close()

    asyncio.run(stop())
    with still.services.store.read() as tx:
        (row,) = tx.connection.execute(select(jobs).where(jobs.c.queue == EXPORTS)).all()
    assert (row.lease_token, row.attempts) == (None, 0)
    asyncio.run(Exporter(still.services, clock=clock).crew.settle())
    assert [job["state"] for job in still.admin.get("/v1/exports/jobs").json()["data"]] == ["completed"]


def test_the_lease_is_the_databases(still: Plane) -> None:
    """A job that is due in the future is nobody's yet; enqueuing it earlier brings it forward, later does not."""
    with still.services.store.write() as tx:
        now = tx.database_now()
        mine = Jobs(tx.connection, "test")
        mine.enqueue("a", still.org, due=now + timedelta(hours=2))
        mine.enqueue("a", still.org, due=now + timedelta(hours=1))
        mine.enqueue("a", still.org, due=now + timedelta(hours=3))
        assert mine.claim(now, limit=9, lease_for=LEASE_FOR) == []
        assert not mine.any_due(now)
        (lease,) = mine.claim(now + timedelta(hours=1), limit=9, lease_for=LEASE_FOR)
        assert (lease.id, lease.attempts) == ("a", 1)
        mine.finish(lease)
        with pytest.raises(LeaseLostError):
            mine.finish(lease)
