"""
What the control plane costs on PostgreSQL: `make bench-control`, which writes the page of its figures.

It makes a database of its own on the server that is named, fills it, and drops it in the end unless it is kept. What is
left out by its option keeps the figures that the page has.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import delivering
import ingest
import polling
import psycopg
import reading
import urllib3
from filling import fill
from page import Machine, Page, Row, judged, load, table
from sqlalchemy import text

from keeptrusts.store.engine import open_engine
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.transaction import Store

ORG = "org_" + "b" * 32
DATABASE = "keeptrusts_bench"
SECRET = "bench" * 10
ENDPOINTS = 50
KILLS = (0, 1)
"""Of each run."""
CONNECTIONS = (1, 8, 16)
ROUNDS = 12
"""Of each of both, in turn."""


@click.command()
@click.argument("url", metavar="POSTGRESQL_URL")
@click.option("--rows", default=1_000_000, show_default=True, help="Events of 30 days.")
@click.option("--rounds", default=100, show_default=True, help="Requests of each kind; 0: none.")
@click.option("--batches", default=20, show_default=True, help="Of 100 events, a round of one connection; 0: none.")
@click.option("--polls", default=10_000, show_default=True, help="Gateways that wait; 0: none.")
@click.option("--deliveries", default=100_000, show_default=True, help="To 50 webhooks; 0: none.")
@click.option("--keep", is_flag=True, help="Keep the database, and use it again when it is there.")
@click.option(
    "--page", "path", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Write it here, too."
)
def main(
    url: str, rows: int, rounds: int, batches: int, polls: int, deliveries: int, *, keep: bool, path: Path | None
) -> None:
    """Measure lists, counts, ingest, long polls and deliveries, and write each of them into its section of a page."""
    address, page = url.rpartition("/")[0] + f"/{DATABASE}", Page(path)
    polling.raise_files(polls + 2000)
    with psycopg.connect(url, autocommit=True) as admin:
        there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if not (keep and there):
            admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {DATABASE}")
            fill(address, ORG, rows)
        token = _token(address)
        with _server(address) as (served, process):
            if rounds:
                said = Machine.of(address).said()
                page.put("lists", _lists(reading.measure(served, token, rounds, address, process), said, rounds))
            if batches:
                page.put("ingest", _ingest(address, served, token, process, batches))
            if polls:
                page.put("polls", _polls(address, served, token, process, polls))
        if deliveries:
            page.put("deliveries", _deliveries(address, token, deliveries))
        if not keep:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _lists(found: dict[str, reading.Times], machine: str, rounds: int) -> Iterator[str]:
    lists = {name: times.p95 for name, times in found.items() if name.startswith("list")}
    counts = {name: times.p95 for name, times in found.items() if name not in lists}
    yield f"{machine} {rounds} requests of each kind over HTTP, the kinds in turn. {load()}"
    yield ""
    yield from table(
        ("request", "median ms", "p95 ms", "CPU ms"),
        [(name, (times.median, times.p95, times.cpu)) for name, times in found.items()],
    )
    yield ""
    yield f"**Lists: {judged(lists, reading.LIST_MS)} Counts: {judged(counts, reading.STATS_MS)}**"


def _ingest(address: str, served: str, token: str, process: int, batches: int) -> Iterator[str]:
    rows: list[Row] = []
    alone = 0.0
    for connections in CONNECTIONS:
        size = max(batches // connections, 4)
        found = ingest.measure(address, ORG, served, token, process, connections=connections, rounds=ROUNDS, size=size)
        copy, own = found["copy"].each(), found["ingest"].each()
        alone = alone or copy.cpu
        costs = (copy.wall, copy.database, copy.sender, own.wall, own.database, own.sender)
        rows.append((str(connections), (*costs, copy.wall / own.wall, copy.cpu / own.cpu, alone / own.cpu)))
    yield load()
    yield ""
    yield from table(
        ("connections", "COPY: us", "CPU of PostgreSQL", "CPU of the sender", "ingest: us", "CPU of PostgreSQL",
         "CPU of the server", "ratio of time", "ratio of CPU", "CPU, to one COPY"), rows,
    )  # fmt: skip


def _polls(address: str, served: str, token: str, process: int, polls: int) -> Iterator[str]:
    yield from polling.measure(served, process, address, token, org=ORG, count=polls, changes=3).lines()


def _deliveries(address: str, token: str, deliveries: int) -> Iterator[str]:
    served = "127.0.0.1:18081"
    with tempfile.TemporaryDirectory() as folder:
        line = delivering.command(served, address, folder, str(Path(sys.executable).with_name("kt")))
        queue = delivering.Queue(
            lambda: delivering.started(line, f"http://{served}", SECRET), address, f"http://{served}", token, ORG
        )
        found = [queue.measure(ENDPOINTS, deliveries // ENDPOINTS, kills) for kills in KILLS]
    yield from delivering.lines(found, ENDPOINTS)


def _token(address: str) -> str:
    store = Store(open_engine(address))
    with store.write() as tx:
        made = "INSERT INTO organisations VALUES (:org, 'bench', now()) ON CONFLICT DO NOTHING"
        tx.connection.execute(text(made), {"org": ORG})
        _, token = Keys(tx.connection, ORG).make(NewKey(name="bench", role="admin"), at=tx.now)
    store.close()
    return token


@contextmanager
def _server(address: str) -> Iterator[tuple[str, int]]:
    """Its URL and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "KEEPTRUSTS_SECRET_KEY": SECRET}
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("kt")), "server", "run", "--listen", f"127.0.0.1:{port}"]
        command += ["--database-url", address, "--data-dir", folder, "--rate-limit", "1000000"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            retries = urllib3.Retry(300, backoff_factor=0.1, backoff_max=0.5)
            urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=retries)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
