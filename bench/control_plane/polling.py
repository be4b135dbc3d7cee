"""
Many gateways that hold a long poll each, and one change that all of them are to have.

The client is bounded: one process, one connection a gateway, nothing kept of an answer but its tag. Each gateway has a
token of its own, and asks again as soon as it is answered, as gateways do.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import psycopg
import urllib3
import uvloop
from asking import Asking
from page import load, table
from processes import cpu_seconds, parent, resident_mib
from sqlalchemy import insert

from keeptrusts.core.ids import GATEWAY
from keeptrusts.store.engine import open_engine
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.tables import gateways
from keeptrusts.store.transaction import Store, new_id

AT_ONCE = 100
"""Gateways that ask for their first bundle at the same time: more than the server accepts are dropped by the system."""
IDLE_S = 45
QUIET_S = 5
LONGEST_S = 120
POLICY = """\
pack: {name: bench, version: 1.0.0, enabled: true}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
"""


def raise_files(count: int) -> None:
    """For this process and those it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = max(count, 1024)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


def make_gateways(url: str, org: str, configuration: str, count: int) -> list[str]:
    """So many gateways that follow this configuration; a token of each."""
    store, tokens = Store(open_engine(url)), []
    with store.write() as tx:
        shared = {
            "org": org, "configuration_id": configuration, "labels": {}, "fail_mode": "block", "epoch": 1,
            "deployment": {"strategy": "all"}, "epoch_at": tx.now, "revision": 1, "created_at": tx.now,
            "updated_at": tx.now,
        }  # fmt: skip
        made = [new_id(GATEWAY) for _ in range(count)]
        tx.connection.execute(insert(gateways), [shared | {"id": one, "name": one} for one in made])
        keys = Keys(tx.connection, org)
        for one in made:
            wanted = NewKey(name="bench", role="gateway", kind="gw", gateway_id=one)
            tokens.append(keys.make(wanted, at=tx.now)[1])
    store.close()
    return tokens


class _Poller(asyncio.Protocol):
    """One gateway."""

    def __init__(self, fleet: Fleet, host: str, token: str) -> None:
        self._fleet = fleet
        self._head = f"GET /v1/gateway/bundle HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        self._buffer = b""
        self._left = -1
        self.tag = ""
        self.ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.ask()

    def ask(self) -> None:
        waits = f"If-None-Match: {self.tag}\r\nPrefer: wait=30\r\n" if self.tag else ""
        self._transport.write(f"{self._head}{waits}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._buffer += data
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._buffer = b""
            self._left = self._read_head(head.decode("latin-1")) - len(rest)
        else:
            self._left -= len(data)
        if self._left == 0 and not self._fleet.refused:
            self._left = -1
            self.ask()

    def _read_head(self, head: str) -> int:
        status, *lines = head.split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        code = status.split()[1]
        if code == "200":
            self.tag = fields["etag"]
            self.ready.set()
            self._fleet.got(time.perf_counter())
        elif code != "304":
            self._fleet.refused.append(head)
            self.ready.set()
            self._fleet.complete.set()
        return int(fields.get("content-length", "0"))

    def connection_lost(self, _failed: Exception | None) -> None:
        self._fleet.lost += 1
        self._fleet.refused.append("a connection was closed")
        self.ready.set()
        self._fleet.complete.set()


@dataclass(slots=True)
class Fleet:
    """All of them. `arrived`: when each had its bundle, since it was emptied."""

    arrived: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: int = 0
    expected: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def got(self, moment: float) -> None:
        self.arrived.append(moment)
        if len(self.arrived) == self.expected:
            self.complete.set()

    def expect(self, count: int) -> None:
        self.arrived.clear()
        self.complete.clear()
        self.expected = count


@dataclass(frozen=True, slots=True)
class Found:
    """
    KiB a poll that waits, CPU in ms a second while nothing changes, and of each change (s) and its CPU (s).

    `quiet` and `meanwhile`: what other requests took (ms, sorted), by their path, before and during the changes.
    """

    gateways: int
    memory_kib: float
    idle_ms: float
    idle_queries: float
    changes: list[tuple[float, float, float, float, float]]
    quiet: Mapping[str, Sequence[float]]
    meanwhile: Mapping[str, Sequence[float]]

    def lines(self) -> Iterator[str]:
        """For the page."""
        yield f"{self.gateways:,} gateways wait, with {self.memory_kib:.0f} KiB of the server's memory each. While"
        idle = f"{self.idle_ms:.0f} ms of CPU and {self.idle_queries:.0f} transactions a second"
        yield f"nothing changes they cost {idle}, the server's own work included. Then"
        yield "their configuration is changed, several times; the last time others ask the API as well:"
        yield ""
        names = ("change", "first s", "half of them s", "99 of 100 s", "all s", "CPU s", "CPU ms a gateway")
        rows = [(str(number), (*took, took[-1] / self.gateways * 1000)) for number, took in enumerate(self.changes, 1)]
        yield from table(names, rows)
        yield ""
        yield "What these wait for, one request after another, before and while the change goes round:"
        yield ""
        asked = [(f"`{path}`", (*_seen(self.quiet[path]), *_seen(took))) for path, took in self.meanwhile.items()]
        yield from table(
            ("request", "before: median ms", "p95 ms", "slowest ms", "meanwhile: median ms", "p95 ms", "slowest ms"),
            asked,
        )
        yield ""
        yield load()


def _seen(took: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(took), took[int(len(took) * 0.95)], took[-1]


def measure(url: str, server: int, database: str, token: str, *, org: str, count: int, changes: int) -> Found:
    """Hold `count` polls, wait, change the configuration `changes` times, and once more while others ask the API."""
    http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"})
    asked = http.request("POST", url + "/v1/configurations", json={"name": "bench", "policy_yaml": POLICY})
    assert asked.status == 201, asked.data
    configuration = asked.json()["id"]
    tokens = make_gateways(database, org, configuration, count)
    with psycopg.connect(database, autocommit=True) as admin:
        postmaster = parent(admin.info.backend_pid)

        def queries() -> int:
            row = admin.execute(
                "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
            assert row is not None
            return int(row[0])

        def change(number: int) -> None:
            policy = POLICY.replace("1.0.0", f"1.0.{number + 1}")
            done = http.request("PATCH", f"{url}/v1/configurations/{configuration}", json={"policy_yaml": policy})
            assert done.status == 200, done.data

        watched = _Watched(
            url, server, lambda: cpu_seconds(postmaster, server), queries, change, lambda: Asking(url, token)
        )
        return uvloop.run(_hold(watched, tokens, changes))


@dataclass(frozen=True, slots=True)
class _Watched:
    url: str
    server: int
    cpu: Callable[[], float]
    queries: Callable[[], int]
    change: Callable[[int], None]
    asking: Callable[[], Asking]


async def _hold(watched: _Watched, tokens: list[str], changes: int) -> Found:
    fleet = Fleet()
    before = resident_mib(watched.server)
    await _connect(watched, fleet, tokens)
    memory = (resident_mib(watched.server) - before) * 1024 / len(tokens)
    idle, idle_queries = await _rest(watched)
    asking, since = watched.asking(), time.perf_counter()
    await asyncio.sleep(QUIET_S)
    quiet = asking.end(since)
    found = [await _change(watched, fleet, number) for number in range(changes)]
    asking = watched.asking()
    await asyncio.sleep(1)
    since = time.perf_counter()
    found.append(await _change(watched, fleet, changes))
    meanwhile = asking.end(since)
    assert not fleet.refused, fleet.refused[:5]
    assert not fleet.lost
    return Found(len(tokens), memory, idle, idle_queries, found, quiet, meanwhile)


async def _connect(watched: _Watched, fleet: Fleet, tokens: list[str]) -> None:
    loop = asyncio.get_running_loop()
    host, port = watched.url.removeprefix("http://").split(":")
    fleet.expect(len(tokens))
    gate = asyncio.Semaphore(AT_ONCE)

    async def open_one(number: int, token: str) -> None:
        async with gate:
            local = (f"127.0.0.{2 + number // 20_000}", 0)
            _, poller = await loop.create_connection(
                lambda: _Poller(fleet, host, token), host, int(port), local_addr=local
            )
            await poller.ready.wait()

    await asyncio.gather(*(open_one(number, token) for number, token in enumerate(tokens)))
    await asyncio.wait_for(fleet.complete.wait(), LONGEST_S)
    await asyncio.sleep(5)


async def _rest(watched: _Watched) -> tuple[float, float]:
    """CPU in ms a second, and transactions a second."""
    cpu, asked, begun = watched.cpu(), watched.queries(), time.perf_counter()
    await asyncio.sleep(IDLE_S)
    lasted = time.perf_counter() - begun
    return (watched.cpu() - cpu) / lasted * 1000, (watched.queries() - asked) / lasted


async def _change(watched: _Watched, fleet: Fleet, number: int) -> tuple[float, float, float, float, float]:
    """When the first, half, 99 of 100 and all of them had it, and the CPU that it took."""
    fleet.expect(fleet.expected)
    cpu, begun = watched.cpu(), time.perf_counter()
    await asyncio.get_running_loop().run_in_executor(None, watched.change, number)
    await asyncio.wait_for(fleet.complete.wait(), LONGEST_S)
    took = sorted(moment - begun for moment in fleet.arrived)
    spent = watched.cpu() - cpu
    await asyncio.sleep(2)
    return took[0], statistics.median(took), took[int(len(took) * 0.99)], took[-1], spent
