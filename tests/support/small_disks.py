"""
File systems that are full when a test says so: small ones in memory, in a mount namespace of their own.

Nobody has to be root: a user may be whoever it likes in a namespace it made. What runs `inside` sees the file systems;
the test itself does not.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.postgres import binaries

NOBODY = 65534
"""Who root is inside: PostgreSQL refuses root."""
_READY = "ready"


class NoNamespacesError(Exception):
    """This machine lets nobody make namespaces; the argument is what it said."""


@dataclass(frozen=True, slots=True)
class SmallDisks:
    """
    Args:
        keeper: The process that keeps the namespace.
        user: Who it and all others inside are.
    """

    keeper: int
    user: int

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that is to run inside."""
        return ("nsenter", "-t", str(self.keeper), "-U", "-m", "--preserve-credentials", "--")

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        words = [*self.inside, *map(str, command)]
        return subprocess.run(words, capture_output=True, text=True, check=check, timeout=60, env=_environment())

    def fill(self, disk: Path) -> None:
        """Until not one byte fits any more."""
        done = self.run("dd", "if=/dev/zero", f"of={disk / 'filler'}", "bs=4k", check=False)
        assert "No space left" in done.stderr, done.stderr

    def empty(self, disk: Path) -> None:
        """Room again: what was filled in goes."""
        self.run("rm", disk / "filler")


@contextmanager
def small_disks(sizes: Mapping[Path, int]) -> Iterator[SmallDisks]:
    """
    Args:
        sizes: Folder that is there to MiB.

    Raises:
        NoNamespacesError: The caller skips, and says why.
    """
    user = os.geteuid() or NOBODY
    mounts = "".join(f"mount -t tmpfs -o size={size}m,mode=0700 tmpfs '{path}' && " for path, size in sizes.items())
    command = ["unshare", "-U", "-m", f"--map-user={user}", f"--map-group={user}", "--keep-caps"]
    try:
        keeper = subprocess.Popen(
            [*command, "sh", "-c", f"{mounts}echo {_READY} && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    except OSError as failed:
        raise NoNamespacesError(str(failed)) from None
    with keeper:
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        if keeper.stdout.readline().strip() != _READY:
            raise NoNamespacesError(keeper.stderr.read().strip())
        try:
            yield SmallDisks(keeper.pid, user)
        finally:
            keeper.kill()


@contextmanager
def postgresql(disks: SmallDisks, data: Path, wal: Path, log: Path) -> Iterator[str]:
    """
    The URL of a PostgreSQL server on these disks. One that gives up is started again, as whoever runs one does.

    Args:
        data: A folder inside that is empty; `wal` is another.
        log: A file outside that it writes its log to.
    """
    tools, port = binaries(), free_port()
    disks.run(
        tools / "initdb", "-D", data / "data", "-X", wal / "wal", "--wal-segsize=1",
        "-U", "kt", "-A", "trust", "-E", "UTF8", "--no-sync",
    )  # fmt: skip
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100", "max_wal_size=16MB"]
    words = [*disks.inside, str(tools / "postgres"), "-D", str(data / "data"), "-p", str(port)]
    kept = _Kept([*words, *(word for one in settings for word in ("-c", one))], log)
    kept.start()
    try:
        _wait(disks, tools / "pg_isready", port)
        yield f"postgresql://kt@127.0.0.1:{port}/postgres"
    finally:
        kept.stop(disks, data / "data")


class _Kept(threading.Thread):
    """A process that is started again whenever it ends."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        super().__init__()
        self._command = command
        self._log = log
        self._stopping = threading.Event()

    def run(self) -> None:
        with self._log.open("wb") as log:
            while not self._stopping.is_set():
                subprocess.run(self._command, check=False, stdout=log, stderr=log, env=_environment())
                self._stopping.wait(0.3)

    def stop(self, disks: SmallDisks, data: Path) -> None:
        self._stopping.set()
        while self.is_alive():
            disks.run(binaries() / "pg_ctl", "-D", data, "-m", "immediate", "-W", "stop", check=False)
            self.join(0.3)


def _wait(disks: SmallDisks, is_ready: Path, port: int) -> None:
    done = disks.run(
        "sh", "-c", f"for _ in $(seq 300); do '{is_ready}' -q -h 127.0.0.1 -p {port} && exit 0; sleep .1; done"
    )
    assert done.returncode == 0, done.stderr


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
