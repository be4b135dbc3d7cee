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
import ingest
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


@click.command()
@click.argument("url", metavar="POSTGRESQL_URL")
@click.option("--rows", default=1_000_000, show_default=True, help="Events of 30 days.")
@click.option("--rounds", default=100, show_default=True, help="Requests of each kind.")
@click.option("--keep", is_flag=True, help="Keep the database, and use it again when it is there.")
def main(url: str, rows: int, rounds: int, *, keep: bool) -> None:
    """Fill a database and measure lists, counts and ingest."""
    address = url.rpartition("/")[0] + f"/{DATABASE}"
    with psycopg.connect(url, autocommit=True) as admin:
        there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
        if not (keep and there):
            admin.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            admin.execute(f"CREATE DATABASE {DATABASE}")
            fill(address, ORG, rows)
        token = _token(address)
        with _server(address) as served:
            click.echo("request | median ms | p95 ms | CPU ms")
            for name, median, p95, cpu in reading.measure(served[0], token, rounds, address, served[1]):
                click.echo(f"{name} | {median:.1f} | {p95:.1f} | {cpu:.1f}")
        found = ingest.measure(address, ORG, 5, 20)
        for name, (wall, cpu) in found.items():
            click.echo(f"{name}, batches of 100: {wall:.1f} us an event, {cpu:.1f} us of CPU")
        click.echo(f"ratio to COPY, by CPU: {found['copy'][1] / found['ingest'][1]:.2f}")
        if not keep:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


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
            retries = urllib3.Retry(100, backoff_factor=0.1, backoff_max=0.5)
            urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=retries)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
