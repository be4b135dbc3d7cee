"""
Whatever happens to the control plane while gateways send to it: nothing it acknowledged is lost, or there twice.

`KEEPTRUSTS_FAULT_EVENTS=20000` meets each fault by itself, with so many events; the totals are printed at the end.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest
import urllib3

from support import postgres
from support.records import Instance
from support.senders import BATCH, Manner, Sender, Told, Totals, send_a_bomb
from support.server import KT, Server
from support.small_disks import NoNamespacesError, SmallDisks, small_disks
from support.small_disks import postgresql as postgresql_on

pytestmark = pytest.mark.acceptance
GIVEN = os.environ.get("KEEPTRUSTS_FAULT_EVENTS")
EVENTS = int(GIVEN or 1000)
SENDERS = 4
DAY = 86_400
SHARES = (0.25, 0.6)
"""How much is acknowledged when the fault comes."""
AT_NIGHT = pytest.mark.skipif(GIVEN is None, reason="each fault by itself: KEEPTRUSTS_FAULT_EVENTS=20000")

Note: TypeAlias = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Run:
    """A server that is sent to."""

    server: Server
    senders: Sequence[Sender]

    @property
    def acknowledged(self) -> int:
        return sum(len(one.told.accepted) for one in self.senders)

    @property
    def refused(self) -> int:
        return sum(one.told.statuses[503] for one in self.senders)

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait while they send."""
        while not reached():
            assert all(one.is_alive() for one in self.senders)
            time.sleep(0.01)


Fault: TypeAlias = Callable[[Run], object]


def _met(
    server: Server,
    faults: Sequence[Fault],
    manners: Sequence[Manner] = (Manner(),) * SENDERS,
    *,
    last: Fault | None = None,
) -> dict[str, int]:
    """Send it all, meet a fault at each share of it, and count."""
    with server:
        each = EVENTS // BATCH // len(manners)
        run = Run(server, [Sender(server, f"gwi_{number}", each, manner) for number, manner in enumerate(manners)])
        for sender in run.senders:
            sender.start()
        for share, fault in zip(SHARES, faults, strict=True):
            run.until(lambda share=share: run.acknowledged >= share * EVENTS)  # type: ignore[misc]
            fault(run)
        for sender in run.senders:
            sender.finish()
        if last is not None:
            last(run)
        totals = Totals.of([one.told for one in run.senders], [event["id"] for event in server.events()])
        assert (totals.lost, totals.duplicated) == (0, 0), totals
        assert totals.acknowledged == totals.stored == sum(len(one.sent) for one in run.senders) * BATCH >= EVENTS
        assert server.stop() == 0
        return asdict(totals)


def _kill(run: Run) -> None:
    run.server.kill()
    run.server.start()


def _let_no_file_grow(run: Run) -> None:
    """While it is sent one more batch, which it has to refuse."""
    limit, server = resource.RLIMIT_FSIZE, run.server
    resource.prlimit(server.pid, limit, (4096, resource.RLIM_INFINITY))
    body = json.dumps({"events": [Instance("gwi_full").decision()]})
    answer = urllib3.request(
        "POST", f"{server.url}/v1/gateway/events", body=body, headers=server.headers, retries=False
    )
    resource.prlimit(server.pid, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (answer.status, json.loads(answer.data)["code"]) == (503, "store_unavailable"), answer.data


def _fill(disks: SmallDisks, disk: Path) -> Fault:
    """Until every gateway was refused; no connection is dropped meanwhile, and reading goes on where it can."""

    def fill(run: Run) -> None:
        before = [one.told.statuses[503] for one in run.senders]
        disks.fill(disk)
        run.until(lambda: all(one.told.statuses[503] > told for one, told in zip(run.senders, before, strict=True)))
        disks.empty(disk)
        assert not any(one.told.statuses[0] for one in run.senders)

    return fill


def _bomb(run: Run) -> None:
    send_a_bomb(run.server)


def _each(*faults: Fault) -> Fault:
    """One after the other."""
    return lambda run: [fault(run) for fault in faults]


def _start_a_second(folder: Path) -> Fault:
    """On the same file: it refuses, and the first goes on."""

    def start(_run: Run) -> None:
        command = [str(KT), "server", "run", "--listen", "127.0.0.1:0", "--data-dir", str(folder)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (found.returncode, "in use by another server" in found.stderr) == (1, True), found.stderr

    return start


def _back_up(folder: Path, backup: Path, known: set[str], *options: str) -> Fault:
    """Under load; `known` is what was acknowledged before."""

    def back_up(run: Run) -> None:
        known.update(identifier for one in run.senders for identifier in one.told.accepted)
        _kt("backup", "--data-dir", str(folder), "--output", str(backup), *options)

    return back_up


def _kt(*words: str) -> None:
    done = subprocess.run([str(KT), "server", *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _restored(server: Server, known: set[str], senders: Sequence[Sender]) -> dict[str, int]:
    """A restored server: what the backup was told of is there, and what is sent again comes in once."""
    with server:
        there = [event["id"] for event in server.events()]
        assert known <= set(there)
        told = Told()
        for sender in senders:
            again = Sender(server, "gwi_again", 0, Manner())
            for number, records in enumerate(sender.sent):
                again.deliver(number, records)
            told.accepted += again.told.accepted
            told.duplicates += again.told.duplicates
        totals = Totals.of([told], [event["id"] for event in server.events()])
        assert set(told.duplicates) == set(there)
        assert (totals.lost, totals.duplicated, totals.stored) == (0, 0, sum(len(one.sent) for one in senders) * BATCH)
        assert server.stop() == 0
        return asdict(totals)


def _is_whole(path: Path) -> None:
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM chain_breaks").fetchone() == (0,)
    database.close()


def _disks(opened: ExitStack, sizes: dict[Path, int]) -> SmallDisks:
    for path in sizes:
        path.mkdir()
    try:
        return opened.enter_context(small_disks(sizes))
    except NoNamespacesError as refused:
        # not in a test's hands; the other faults are met all the same
        pytest.skip(f"file systems of one's own need user namespaces (`unshare -U -m`): {refused}")


def _on_postgresql(opened: ExitStack, folder: Path) -> tuple[Server, str]:
    url = opened.enter_context(postgres.server())
    _kt("migrate", "--database-url", url)
    return Server(folder, "--database-url", url), url


def test_a_killed_server_on_sqlite(tmp_path: Path, record_property: Note) -> None:
    """Twice on the way: each event is there once, and no chain has a hole."""
    record_property("SQLite, kill -9 twice", _met(Server(tmp_path), [_kill, _kill]))
    _is_whole(tmp_path / "control.db")


@pytest.mark.postgresql
def test_a_killed_server_on_postgresql(tmp_path: Path, record_property: Note) -> None:
    """The same on PostgreSQL, after `kt server migrate`; without it the server says what to do."""
    with postgres.server() as url:
        refused = subprocess.run(
            [KT, "server", "run", "--listen", "127.0.0.1:0", "--database-url", url, "--data-dir", tmp_path],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (refused.returncode, "run `kt server migrate`" in refused.stderr) == (1, True), refused.stderr
        migrated = subprocess.run(
            [KT, "server", "migrate", "--database-url", url], capture_output=True, text=True, check=True, timeout=60
        )
        assert migrated.stdout.startswith("migrated from an empty database")
        record_property("PostgreSQL, kill -9 twice", _met(Server(tmp_path, "--database-url", url), [_kill, _kill]))


@pytest.mark.postgresql
def test_postgresql_crashes(tmp_path: Path, record_property: Note) -> None:
    """Twice, with events in a database of their own: what was not acknowledged is sent again, once."""
    with postgres.server() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE events")
        both = ["--database-url", url, "--events-dsn", url.rpartition("/")[0] + "/events"]
        _kt("migrate", *both)
        crash: Fault = lambda _: postgres.crash(url)  # noqa: E731
        record_property("PostgreSQL, restarted at once twice", _met(Server(tmp_path, *both), [crash, crash]))


def test_no_file_can_grow(tmp_path: Path, record_property: Note) -> None:
    """Twice, by a limit of the process: batches are refused with 503 and sent again, and the file stays whole."""
    totals = _met(Server(tmp_path), [_let_no_file_grow, _let_no_file_grow])
    record_property("SQLite, files that cannot grow, twice", totals)
    _is_whole(tmp_path / "control.db")


def test_the_file_system_is_full_under_sqlite(tmp_path: Path, record_property: Note) -> None:
    """Twice, to the last byte: batches are refused with 503, come in when there is room, and the file stays whole."""
    disk = tmp_path / "disk"
    with ExitStack() as opened:
        disks = _disks(opened, {disk: 16 + EVENTS // 100})
        server = Server(tmp_path, "--database-url", f"sqlite:///{disk}/control.db", before=disks.inside)
        totals = _met(server, [_fill(disks, disk), _fill(disks, disk)])
        disks.run("cp", disk / "control.db", tmp_path / "copy.db")
    assert totals["refused"] >= 2 * SENDERS
    record_property("SQLite, a full file system twice", totals)
    _is_whole(tmp_path / "copy.db")


@pytest.mark.postgresql
def test_the_file_systems_are_full_under_postgresql(tmp_path: Path, record_property: Note) -> None:
    """First that of its data, then that of its log, at which it gives up and is started again: 503 until then."""
    data, wal = tmp_path / "data", tmp_path / "wal"
    with ExitStack() as opened:
        disks = _disks(opened, {data: 64 + EVENTS // 100, wal: 48})
        url = opened.enter_context(postgresql_on(disks, data, wal, tmp_path / "postgresql.log"))
        _kt("migrate", "--database-url", url)
        totals = _met(Server(tmp_path, "--database-url", url), [_fill(disks, data), _fill(disks, wal)])
    log = (tmp_path / "postgresql.log").read_text(encoding="utf-8")
    assert "could not extend file" in log
    assert "PANIC" in log
    assert totals["refused"] >= 2 * SENDERS
    record_property("PostgreSQL, full file systems of data and log", totals)


def test_all_that_gateways_do_wrong_at_once(tmp_path: Path, record_property: Note) -> None:
    """Batches that come twice, clocks a day off, slow and broken bodies, bombs, a second server, and a backup."""
    manners = [Manner(twice=True), Manner(off_s=DAY, twice=True), Manner(off_s=-DAY), Manner(slowly=True)]
    ran: list[Run] = []
    known: set[str] = set()
    second, back_up = _start_a_second(tmp_path), _back_up(tmp_path, tmp_path / "backup", known)
    totals = _met(Server(tmp_path), [_each(_bomb, second), back_up], manners, last=ran.append)
    assert totals["replayed"] >= EVENTS * 0.1
    record_property("SQLite, all that gateways do wrong at once", totals)
    _is_whole(tmp_path / "control.db")
    _restore(tmp_path / "backup", tmp_path)
    record_property("SQLite, the backup of it restored", _restored(Server(tmp_path / "new"), known, ran[0].senders))


def _restore(backup: Path, old: Path, *options: str) -> None:
    new = old / "new"
    new.mkdir()
    (new / "secret.key").write_bytes((old / "secret.key").read_bytes())
    (new / "admin.key").write_bytes((old / "admin.key").read_bytes())
    (new / "secret.key").chmod(0o600)
    _kt("restore", str(backup), "--data-dir", str(new), *options)


_MANNERS = {
    "30 of 100 batches twice": (Manner(twice=True),) * SENDERS,
    "clocks a day off": (Manner(off_s=DAY), Manner(off_s=-DAY), Manner(), Manner()),
    "slow and broken bodies": (Manner(slowly=True),) * SENDERS,
}


@AT_NIGHT
@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["SQLite", "PostgreSQL"])
@pytest.mark.parametrize("manner", _MANNERS)
def test_how_gateways_send(tmp_path: Path, record_property: Note, engine: str, manner: str) -> None:
    """Each manner by itself, on both engines."""
    nothing: Fault = lambda _: None  # noqa: E731
    with ExitStack() as opened:
        server = Server(tmp_path) if engine == "SQLite" else _on_postgresql(opened, tmp_path)[0]
        totals = _met(server, [nothing, nothing], _MANNERS[manner])
    assert "twice" not in manner or totals["replayed"] >= EVENTS * 0.3
    record_property(f"{engine}, {manner}", totals)


@AT_NIGHT
@pytest.mark.postgresql
@pytest.mark.parametrize("engine", ["SQLite", "PostgreSQL"])
def test_bombs(tmp_path: Path, record_property: Note, engine: str) -> None:
    """Twenty at each share."""
    many = _each(*[_bomb] * 20)
    with ExitStack() as opened:
        server = Server(tmp_path) if engine == "SQLite" else _on_postgresql(opened, tmp_path)[0]
        record_property(f"{engine}, gzip bombs", _met(server, [many, many]))


@AT_NIGHT
def test_two_servers_on_one_file(tmp_path: Path, record_property: Note) -> None:
    """The second refuses; the first goes on."""
    second = _start_a_second(tmp_path)
    record_property("SQLite, a second server on the file twice", _met(Server(tmp_path), [second, second]))


@AT_NIGHT
@pytest.mark.postgresql
def test_a_restored_backup_on_postgresql(tmp_path: Path, record_property: Note) -> None:
    """Made under load, restored into another database, and sent everything again."""
    known: set[str] = set()
    ran: list[Run] = []
    with ExitStack() as opened:
        server, url = _on_postgresql(opened, tmp_path)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE restored")
        back_up = _back_up(tmp_path, tmp_path / "backup", known, "--database-url", url)
        _met(server, [lambda _: None, back_up], last=ran.append)
        other = ("--database-url", url.rpartition("/")[0] + "/restored")
        _restore(tmp_path / "backup", tmp_path, *other)
        totals = _restored(Server(tmp_path / "new", *other), known, ran[0].senders)
    record_property("PostgreSQL, a backup restored", totals)
