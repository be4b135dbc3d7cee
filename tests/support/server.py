"""`kt server run` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import urllib3

KT = Path(sys.executable).with_name("kt")


class Server:
    """
    A control plane on a folder; it may be killed and started again there.

    Args:
        options: Further options of `kt server run`.
        before: Words before the command: what runs it.
    """

    def __init__(self, folder: Path, *options: str, before: Sequence[str] = ()) -> None:
        self._folder = folder
        self._options = options
        self._before = before
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_key(self) -> str:
        return (self._folder / "admin.key").read_text(encoding="utf-8").strip()

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text(encoding="utf-8")

    @property
    def headers(self) -> dict[str, str]:
        """As its first admin."""
        return {"Authorization": f"Bearer {self.admin_key}", "Content-Type": "application/json"}

    def made(self, path: str, **draft: object) -> dict[str, Any]:
        """What a POST by its first admin makes."""
        answer = urllib3.request("POST", f"{self.url}{path}", body=json.dumps(draft), headers=self.headers)
        assert answer.status == 201, answer.data
        made: dict[str, Any] = answer.json()
        return made

    def events(self) -> list[dict[str, Any]]:
        """Every event it has, the newest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        with urllib3.PoolManager() as http:
            while True:
                page = http.request("GET", f"{self.url}/v1/events?limit=200{cursor}", headers=self.headers).json()
                found += page["data"]
                if not page["has_more"]:
                    return found
                cursor = f"&cursor={page['next_cursor']}"

    def start(self) -> None:
        """Until it listens; the same port again after a restart."""
        self._log = (self._folder / "server.log").open("wb")
        command = [
            *self._before, str(KT), "server", "run",
            "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self._folder), "--admin-key-file",
            str(self._folder / "admin.key"), *self._options,
        ]  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KEEPTRUSTS_")}
        self._process = subprocess.Popen(command, stderr=self._log, stdout=subprocess.DEVNULL, env=environment)
        deadline = time.monotonic() + 60
        while not (found := [line for line in self.lines() if line["message"] == "listening"]):
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.port = int(found[0]["address"].rpartition(":")[2])

    def lines(self) -> list[dict[str, Any]]:
        """Its log, without a last line that is not whole yet."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith("\n")]

    def kill(self) -> None:
        """As `kill -9` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        assert self._log is not None
        self._process.send_signal(how)
        try:
            status = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        self._log.close()
        self._process = None
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()
