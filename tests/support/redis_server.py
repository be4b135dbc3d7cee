"""A Redis or Valkey server of the tests' own: on a free port, without a file, stopped at the end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

START_SECONDS = 15.0


@dataclass
class RedisServer:
    """`stop` and `start` may be called in turn; the port stays."""

    port: int
    folder: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("Redis did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


def binary() -> str:
    """
    The server's program.

    Raises:
        RuntimeError: It is not installed; the tests do not skip what they have to prove.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise RuntimeError("Redis or Valkey is needed by the tests: apt-get install redis-server")
    return found


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A fresh one."""
    with tempfile.TemporaryDirectory(prefix="kt-redis-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        made = RedisServer(port, folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()
