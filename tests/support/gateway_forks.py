"""
The real gateway in processes that are forked from one which has imported it already.

A start takes milliseconds, so that a test may afford hundreds of lives. Nothing else differs from `kt gateway run`.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NoReturn


class Nursery:
    """Starts gateways and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, options: Sequence[str]) -> int:
        """The process id of a gateway with these options."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(list(options)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, gateway: int) -> None:
        """As a power cut would; returns when it is gone."""
        os.kill(gateway, signal.SIGKILL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                os.kill(gateway, 0)
            except ProcessLookupError:
                return
            time.sleep(0.001)
        raise AssertionError("it is still there")


@contextmanager
def nursery(policy: Path) -> Iterator[Nursery]:
    """One that has loaded what a gateway with this policy needs."""
    command = [sys.executable, __file__, str(policy)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEEPTRUSTS_")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=kept
    ) as process:
        made = Nursery(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield made
        finally:
            process.kill()


def _fork_gateways(policy: str) -> None:
    from keeptrusts.cli.main import main

    with redirect_stdout(io.StringIO()):
        main(["gateway", "run", "--dry-run", "--policy-config", policy], standalone_mode=False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    _say("ready")
    for line in sys.stdin:
        gateway = os.fork()
        if gateway == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(json.loads(line))
        _say(str(gateway))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _serve(options: list[str]) -> NoReturn:
    from keeptrusts.cli.main import main

    os.dup2(2, 1)
    main(["gateway", "run", *options])
    os._exit(0)


if __name__ == "__main__":
    _fork_gateways(sys.argv[1])
