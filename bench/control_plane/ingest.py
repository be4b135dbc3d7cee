"""
Batches of a hundred events: over HTTP as gateways send them, and as raw COPY into the same table, in turn.

Both are equally durable. A batch counts when its COMMIT has returned, with `synchronous_commit = on` and the same
number of connections, each with one batch under way; COPY commits each batch by itself. What COPY sends was made
before, with the same columns filled. Of the control plane all is counted but the client.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection

import msgspec
import psycopg
from processes import cpu_seconds, own_seconds, parent

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.decision import Attempt, Decision, PolicyResult
from keeptrusts.core.ids import EVENT, make_id
from keeptrusts.trail.chain import link

BATCH = 100
_COLUMNS = (
    "org", "id", "xid", "received_at", "event_type", "verdict", "reason_code", "gateway_id", "instance_id", "sequence",
    "configuration_id", "model", "provider", "user_id", "request_id", "acted", "body",
)  # fmt: skip
_order = itertools.count()


@dataclass(frozen=True, slots=True)
class Each:
    """In us an event: wall time, CPU of PostgreSQL, and CPU of who sent the rows to it."""

    wall: float = 0.0
    database: float = 0.0
    sender: float = 0.0

    @property
    def cpu(self) -> float:
        """Of both."""
        return self.database + self.sender


@dataclass(slots=True)
class Spent:
    """What so many events took, in seconds."""

    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    events: int = 0

    def add(self, before: tuple[float, float, float], after: tuple[float, float, float], events: int) -> None:
        """One round more."""
        wall, database, sender = (
            so_far + late - early for so_far, early, late in zip(self.seconds, before, after, strict=True)
        )
        self.seconds = (wall, database, sender)
        self.events += events

    def each(self) -> Each:
        """Of one event."""
        return Each(*(1e6 * one / self.events for one in self.seconds))


def _clocks(postmaster: int, sender: int) -> tuple[float, float, float]:
    return time.perf_counter(), cpu_seconds(postmaster, postmaster), own_seconds(sender)


def batches(count: int, instance: str) -> list[bytes]:
    """Bodies of requests, each of a hundred chained events."""
    made, digest, sequence = [], None, 0
    for _ in range(count):
        records = []
        for _ in range(BATCH):
            sequence += 1
            record = link(_event(instance, sequence), sequence=sequence, prev_hash=digest, instance_id=instance)
            digest = record["hash"]
            records.append(record)
        made.append(b'{"events":[' + b",".join(map(canonical_json, records)) + b"]}")
    return made


def _event(instance: str, sequence: int) -> dict[str, object]:
    stamp = int(time.time() * 1000).to_bytes(6, "big") + next(_order).to_bytes(4, "big") + secrets.token_bytes(6)
    return Decision(
        id=make_id(EVENT, stamp), timestamp="2030-01-01T00:00:00.000000Z", request_id=f"req_{sequence}",
        verdict="allowed", reason_code="all_policies_passed", status=200, instance_id=instance, model="gpt-5",
        gateway_id="gw_" + "1" * 32, configuration_id="cfg_" + "2" * 32, user_id=f"user-{sequence % 5000}",
        provider="mock", policies=(PolicyResult("pii-detector", "input", "allowed", "", latency_us=81),),
        latency_ms=812.25, overhead_us=1300, input_tokens=812, output_tokens=97, cost_usd=0.00123,
        attempts=(Attempt("primary", "mock", "answered", 200, 811.5),),
    ).as_event()  # fmt: skip


def measure(
    database: str, org: str, url: str, token: str, server: int, *, connections: int, rounds: int, size: int
) -> dict[str, Spent]:
    """`copy` and `ingest`, in turn: `rounds` times `size` batches on each of the connections."""
    spent = {"copy": Spent(), "ingest": Spent()}
    copying = [psycopg.connect(database) for _ in range(connections)]
    asking = [HTTPConnection(url.removeprefix("http://")) for _ in range(connections)]
    server_of = parent(copying[0].info.backend_pid)
    with psycopg.connect(database, autocommit=True) as idle, ThreadPoolExecutor(connections) as threads:
        # sealing comes later, and would be counted with whoever runs when it comes
        idle.execute("SELECT pg_advisory_lock(%s)", (_sealing(org),))
        for turn in range(rounds + 1):
            for name, so_far in spent.items():
                each = [batches(size, f"gwi_{name}_{turn}_{secrets.token_hex(4)}") for _ in range(connections)]
                lines = [[_lines(org, body) for body in bodies] for bodies in each]
                works: list[Callable[[], None]] = [
                    (lambda to=copying[number], given=lines[number]: _copy(to, given))
                    if name == "copy"
                    else (lambda to=asking[number], given=each[number]: _send(to, token, given))
                    for number in range(connections)
                ]
                counted = os.getpid() if name == "copy" else server
                before = _clocks(server_of, counted)
                list(threads.map(lambda work: work(), works))
                after = _clocks(server_of, counted)
                if turn:  # the first turn opens connections
                    so_far.add(before, after, connections * size * BATCH)
    for opened in (*copying, *asking):
        opened.close()
    return spent


def _sealing(org: str) -> int:
    return int.from_bytes(hashlib.sha256(f"seal/{org}".encode()).digest()[:8], "big", signed=True)


def _copy(connection: psycopg.Connection, lines: Sequence[bytes]) -> None:
    for some in lines:
        with connection.cursor() as cursor, cursor.copy(f"COPY events ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
            copy.write(some)
        connection.commit()


def _send(server: HTTPConnection, token: str, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        # the leanest client of the standard library: it shares the cores
        server.request("POST", "/v1/gateway/events", body, {"Authorization": f"Bearer {token}"})
        answer = server.getresponse()
        said = answer.read()
        assert answer.status == 200, said[:200]
        assert len(msgspec.json.decode(said)["accepted"]) == BATCH


def _lines(org: str, body: bytes) -> bytes:
    return b"".join(
        "\t".join(
            (org, one["id"], "1", "2030-01-01", "decision", one["verdict"], one["reason_code"], one["gateway_id"],
             one["instance_id"], str(one["sequence"]), one["configuration_id"], one["model"], one["provider"],
             one["user_id"], one["request_id"], "|", json.dumps(one, separators=(",", ":")).replace("\\", "\\\\"))
        ).encode() + b"\n"
        for one in msgspec.json.decode(body)["events"]
    )  # fmt: skip
