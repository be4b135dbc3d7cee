"""
What the control plane costs on PostgreSQL: `make bench-control`.

It makes a database of its own on the server that is named, fills it, and drops it in the end unless it is kept.
"""

from __future__ import annotations

import os
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
from sqlalchemy import text

from keeptrusts.store.engine import open_engine
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.transaction import Store

ORG = "org_" + "b" * 32
DATABASE = "keeptrusts_bench"
SECRET = "bench" * 10
ENDPOINTS = 50
KILLS = 2


@click.command()
@click.argument("url", metavar="POSTGRESQL_URL")
@click.option("--rows", default=1_000_000, show_default=True, help="Events of 30 days.")
@click.option("--rounds", default=100, show_default=True, help="Requests of each kind.")
@click.option("--polls", default=10_000, show_default=True, help="Gateways that wait; 0: none.")
@click.option("--deliveries", default=100_000, show_default=True, help="To 50 webhooks; 0: none.")
@click.option("--keep", is_flag=True, help="Keep the database, and use it again when it is there.")
def main(url: str, rows: int, rounds: int, polls: int, deliveries: int, *, keep: bool) -> None:
    """Measure lists, counts, ingest, long polls and deliveries; each table is written as the page has it."""
    address = url.rpartition("/")[0] + f"/{DATABASE}"
    polling.raise_files(polls + 2000)
    with psycopg.connect(url, autocommit=True) as admin:
        there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if not (keep and there):
            admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {DATABASE}")
            fill(address, ORG, rows)
        token = _token(address)
        with _server(address) as (served, process):
            _write_lists(served, token, rounds, address, process)
            _write_ingest(address, served, token, process)
            if polls:
                _write_polls(address, served, token, process, polls)
        if deliveries:
            _write_deliveries(address, token, deliveries)
        if not keep:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _table(*names: str) -> None:
    load = os.getloadavg()[0]
    click.echo(f"\nload {load:.1f}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")


def _row(name: str, *values: float) -> None:
    click.echo(f"| {name} | {' | '.join(f'{value:.3g}' for value in values)} |")


def _write_lists(served: str, token: str, rounds: int, address: str, process: int) -> None:
    _table("request", "median ms", "p95 ms", "CPU ms")
    for name, *found in reading.measure(served, token, rounds, address, process):
        _row(name, *found)


def _write_ingest(address: str, served: str, token: str, process: int) -> None:
    _table("connections", "COPY: wall us", "COPY: CPU us", "ingest: wall us", "ingest: CPU us", "wall", "CPU")
    for connections, size in ((1, 20), (8, 6)):
        found = ingest.measure(address, ORG, served, token, process, connections=connections, rounds=5, size=size)
        copy, own = found["copy"].each(), found["ingest"].each()
        _row(str(connections), *copy, *own, copy[0] / own[0], copy[1] / own[1])


def _write_polls(address: str, served: str, token: str, process: int, polls: int) -> None:
    found = polling.measure(served, process, address, token, org=ORG, count=polls, changes=3)
    click.echo(
        f"\n{polls} polls: {found.memory_kib:.0f} KiB each; while nothing changes {found.idle_ms:.0f} ms of CPU and"
        f" {found.idle_queries:.0f} transactions a second"
    )
    _table("change", "first s", "median s", "p99 s", "last s", "CPU s")
    for number, times in enumerate(found.changes, 1):
        _row(str(number), *times)


def _write_deliveries(address: str, token: str, deliveries: int) -> None:
    served = "127.0.0.1:18081"
    with tempfile.TemporaryDirectory() as folder:
        line = delivering.command(served, address, folder, str(Path(sys.executable).with_name("kt")))
        queue = delivering.Queue(
            lambda: delivering.started(line, f"http://{served}", SECRET), address, f"http://{served}", token, ORG
        )
        found = queue.measure(ENDPOINTS, deliveries // ENDPOINTS, KILLS)
    _table("deliveries", "arrived", "repeated", "kills", "seconds", "MiB before", "MiB after", "MiB at most")
    _row(str(found.expected), found.arrived, found.repeated, found.kills, found.seconds, found.before, found.after,
         found.peak)  # fmt: skip


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
    port = 18080
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
