"""A PostgreSQL server of the tests' own: made in a temporary folder, on a free port, stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from support.ports import free_port

USERS = ("postgres", "nobody")


def binaries() -> Path:
    """
    The folder with `initdb` and `postgres`.

    Raises:
        RuntimeError: PostgreSQL is not installed; the tests do not skip what they have to prove.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError("PostgreSQL is needed by the tests: apt-get install postgresql (or put initdb on the PATH)")
    return found[-1].parent if found else Path(str(on_path)).parent


@contextmanager
def server() -> Iterator[str]:
    """The URL of a fresh server's `postgres` database."""
    folder = Path(tempfile.mkdtemp(prefix="kt-postgres-"))
    port = free_port()
    user = prepare_folder(folder)
    tools = binaries()
    data = str(folder / "data")
    _run([str(tools / "initdb"), "-D", data, "-U", "kt", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300"
    start = [str(tools / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start"]
    try:
        _run(start, user)
        yield f"postgresql://kt@127.0.0.1:{port}/postgres"
    finally:
        _run([str(tools / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop"], user, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def crash(url: str) -> None:
    """Stop the server as if the machine had failed, and start it again."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    data = str(row[0])
    user = pwd.getpwuid(Path(data).stat().st_uid).pw_name if os.geteuid() == 0 else None
    _run([str(binaries() / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "-l", f"{data}/../log", "restart"], user)


def prepare_folder(folder: Path) -> str | None:
    """The user that the server runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        return name
    raise RuntimeError(f"PostgreSQL does not run as root, and none of the users {USERS} exists")


def _run(command: Sequence[str], user: str | None, *, check: bool = True) -> None:
    clean = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, user=user, env=clean, cwd="/", capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"`{Path(command[0]).name}` failed:\n{done.stdout}{done.stderr}")
