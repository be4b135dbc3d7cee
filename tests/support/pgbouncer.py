"""pgbouncer in transaction mode before a PostgreSQL server: on a free port, with few connections."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from support.ports import free_port
from support.postgres import prepare_folder

START_SECONDS = 15.0
SERVER_CONNECTIONS = 6
"""Fewer than there are threads that ask: each transaction gets whichever is free, not the one it had before."""


def binary() -> str | None:
    """The program; None: it is not installed."""
    return shutil.which("pgbouncer", path=f"{Path('/usr/sbin')}:{Path('/usr/local/sbin')}") or shutil.which("pgbouncer")


@contextmanager
def before(url: str) -> Iterator[str]:
    """The URL of the same server through pgbouncer; any database of it can be named."""
    program, target, port = binary(), urlsplit(url), free_port()
    assert program is not None, "the caller skips"
    folder = Path(tempfile.mkdtemp(prefix="kt-pgbouncer-"))
    (folder / "users.txt").write_text('"kt" ""\n')
    (folder / "pgbouncer.ini").write_text(
        "[databases]\n"
        f"* = host={target.hostname} port={target.port}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\n"
        f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 500\n"
    )
    user = prepare_folder(folder)
    process = subprocess.Popen(
        [program, "-q", str(folder / "pgbouncer.ini")], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield f"postgresql://kt@127.0.0.1:{port}/{target.path.lstrip('/')}"
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("pgbouncer did not start")
