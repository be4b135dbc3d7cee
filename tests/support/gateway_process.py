"""The real `kt gateway run`, as a process on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

KT = Path(sys.executable).with_name("kt")
ALONE = {"KEEPTRUSTS_API_URL", "KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_API_KEY", "KEEPTRUSTS_GATEWAY_TOKEN"}
START_SECONDS = 30.0


@dataclass
class GatewayProcess:
    """`log` grows while it runs."""

    process: subprocess.Popen[str]
    log: list[dict[str, Any]] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.logged("listening")["port"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def logged(self, message: str) -> dict[str, Any]:
        """The first log line with this message, when it comes."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            for line in tuple(self.log):
                if line["message"] == message:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"`{message}` was not logged: {self.log} {self.noise}")

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if urllib3.request("GET", f"{self.url}/readyz", retries=False).status == 200:
                return
            time.sleep(0.02)
        raise AssertionError(f"it did not become ready: {self.log}")

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def end(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.noise.append(line)


def environment(**variables: str) -> dict[str, str]:
    """This process's, without a control plane that somebody may have set."""
    return {name: value for name, value in os.environ.items() if name not in ALONE} | variables


@contextmanager
def gateway_process(*options: str | Path, **variables: str) -> Iterator[GatewayProcess]:
    """`kt gateway run` on a free port with these options; killed at the end if it still runs."""
    command = [str(KT), "gateway", "run", "--listen", "127.0.0.1:0", *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(**variables)) as process:
        made = GatewayProcess(process)
        reading = threading.Thread(target=made.read_log, daemon=True)
        reading.start()
        try:
            yield made
        finally:
            if process.poll() is None:
                made.kill()
            reading.join(5)


def run_gateway(*options: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`kt gateway run` that is expected to end by itself."""
    command = [str(KT), "gateway", "run", *map(str, options)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment(**variables)
    )
