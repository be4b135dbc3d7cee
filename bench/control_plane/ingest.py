"""Batches of a hundred events: as the control plane stores them, and as raw COPY into the same table, in turn."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import time

import msgspec
import psycopg
from processes import cpu_seconds, parent

from keeptrusts.control.auth import Actor
from keeptrusts.control.ingest import read_batch, read_events, take_in
from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.decision import Decision, PolicyResult
from keeptrusts.core.ids import EVENT, make_id
from keeptrusts.store.engine import open_engine
from keeptrusts.store.transaction import Store
from keeptrusts.trail.chain import link

BATCH = 100
_COLUMNS = (
    "org", "id", "xid", "received_at", "event_type", "verdict", "reason_code", "instance_id", "sequence", "model",
    "provider", "request_id", "acted", "body",
)  # fmt: skip
_order = itertools.count()


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
        provider="mock", policies=(PolicyResult("pii-detector", "input", "allowed", ""),),
    ).as_event()  # fmt: skip


def measure(url: str, org: str, rounds: int, size: int) -> dict[str, tuple[float, float]]:
    """For `copy` (lines made before) and `ingest` (read, checked, chained, stored): wall and CPU in us an event."""
    store, spent = Store(open_engine(url)), {"copy": [0.0, 0.0], "ingest": [0.0, 0.0]}
    with psycopg.connect(url) as connection:
        server = parent(connection.info.backend_pid)
        for turn in range(rounds):
            for name, times in spent.items():
                bodies = batches(size, f"gwi_{name}_{turn}_{secrets.token_hex(4)}")
                lines = [_lines(org, body) for body in bodies]
                begun, cpu = time.perf_counter(), cpu_seconds(server, os.getpid())
                if name == "copy":
                    _copy(connection, lines)
                else:
                    _ingest(store, org, bodies)
                times[0] += time.perf_counter() - begun
                times[1] += cpu_seconds(server, os.getpid()) - cpu
    store.close()
    events = rounds * size * BATCH
    return {name: (wall / events * 1e6, cpu / events * 1e6) for name, (wall, cpu) in spent.items()}


def _copy(connection: psycopg.Connection, lines: list[bytes]) -> None:
    for some in lines:
        with connection.cursor() as cursor, cursor.copy(f"COPY events ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
            copy.write(some)
        connection.commit()


def _ingest(store: Store, org: str, bodies: list[bytes]) -> None:
    actor = Actor("key", "bench", org, "bench", "key", "admin", (), None, None, None, "req")
    for body in bodies:
        batch = read_events(read_batch(body, None), actor)
        assert len(take_in(store, actor, batch)["accepted"]) == BATCH


def _lines(org: str, body: bytes) -> bytes:
    return b"".join(
        "\t".join(
            (org, one["id"], "1", "2030-01-01", "decision", one["verdict"], one["reason_code"], one["instance_id"],
             str(one["sequence"]), one["model"], one["provider"], one["request_id"], "|",
             json.dumps(one).replace("\\", "\\\\"))
        ).encode() + b"\n"
        for one in msgspec.json.decode(body)["events"]
    )  # fmt: skip
