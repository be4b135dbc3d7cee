"""`kt dev` as a process of its own, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import urllib3

KT = Path(sys.executable).with_name("kt")
T = TypeVar("T")


def until(ask: Callable[[], T | None], *, seconds: float = 30) -> T:
    """The first answer that is one."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return answer


class Dev:
    """
    One run of `kt dev` on a folder, on free ports.

    Args:
        options: Instead of port 0 for both.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.env_file = folder / "kt.env"
        self._options = options or ("--api-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0")
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        # an earlier run's would be taken for this one's
        self.env_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [str(KT), "dev", "--data-dir", str(self.folder / "data"), "--env-file", str(self.env_file), *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment(),
            start_new_session=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.running.poll() is None:
            self.stop(signal.SIGTERM)
        until(lambda: None if self.children() else True)
        self.running.communicate()

    @property
    def running(self) -> subprocess.Popen[str]:
        assert self.process is not None
        return self.process

    def ready(self) -> dict[str, str]:
        """The settings it writes when it is ready."""

        def written() -> dict[str, str] | None:
            assert self.running.poll() is None, self.running.communicate()
            if not self.env_file.exists():
                return None
            return dict(line.split("=", 1) for line in self.env_file.read_text(encoding="utf-8").splitlines())

        return until(written, seconds=60)

    def stop(self, number: signal.Signals) -> int:
        """Send a signal; its exit status."""
        self.running.send_signal(number)
        return self.running.wait(40)

    def ended(self) -> tuple[int, str]:
        """Exit status and stderr of a run that ends by itself."""
        _, said = self.running.communicate(timeout=60)
        return self.running.returncode, said

    def children(self) -> list[int]:
        """Processes that work on this folder, but for the run itself."""
        mark = str(self.folder / "data").encode()
        processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        return [int(one.name) for one in processes if int(one.name) != self.running.pid and mark in _command(one)]

    def kt(self, *arguments: str, settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `kt` with these settings."""
        return subprocess.run(
            [str(KT), *arguments], env=self._environment() | (settings or {}), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("KEEPTRUSTS_", "XDG_"))}
        return own | {"HOME": str(self.home)}


def _command(process: Path) -> bytes:
    try:
        # what has ended but was not yet waited for has an empty command
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def chat(url: str, text: str) -> tuple[int, dict[str, str], Any]:
    """Ask the gateway; status, header fields, and the answer."""
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": text}]})
    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        headers = {"content-type": "application/json"}
        answer = pool.request("POST", f"{url}/v1/chat/completions", body=body, headers=headers)
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.json()
