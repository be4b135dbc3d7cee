"""
`kt gateway run --workers N`: several gateways at one port, started, watched and ended by this process.

The kernel spreads connections over them (`SO_REUSEPORT`). Each has a spool and an instance of its own; the first one's
spool is the directory that a single gateway would have. None of them outlives this process (see `leash`).
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from keeptrusts.core.errors import KeeptrustsError

SHORTEST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""Who has run for so long is started again without a pause."""

KILL_AFTER_S: Final = 15.0
"""What a worker gets beyond its time to drain."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """
    One process.

    Args:
        due: When it may be started again, on the clock that never goes back.
    """

    index: int
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    failures: int = 0
    due: float = 0.0


class Workers:
    """
    Args:
        arguments: Those of this process, after `kt`; what follows them replaces what they say.
        spool_dir: Of the first worker; those of the others lie below it.
    """

    def __init__(
        self, count: int, address: tuple[str, int], spool_dir: Path, arguments: Sequence[str], drain_seconds: float
    ) -> None:
        self._address = address
        self._spool_dir = spool_dir
        self._arguments = list(arguments)
        self._drain_seconds = drain_seconds
        self._workers = [Worker(index) for index in range(1, count + 1)]
        self._sockets = Path()
        self._leash, self._held = os.pipe()
        self._wake = threading.Event()
        self._signals = 0

    def run(self) -> int:
        """
        Serve until SIGTERM or SIGINT.

        Returns:
            The exit status: that of the first worker when it could not start, else 0.

        Raises:
            KeeptrustsError: The port is taken.
        """
        held = hold_port(*self._address)
        self._sockets = Path(tempfile.mkdtemp(prefix="kt-"))
        for index in leftover(self._spool_dir, len(self._workers)):
            shown = {"directory": str(spool_of(self._spool_dir, index)), "hint": f"run with `--workers {index}`"}
            _log.warning("records of a worker that does not run any more wait here", extra=shown)
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._pass_on)
        try:
            self._address = (self._address[0], held.getsockname()[1])
            return self._serve()
        finally:
            self._end()
            held.close()
            os.close(self._held)
            os.close(self._leash)
            shutil.rmtree(self._sockets, ignore_errors=True)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _serve(self) -> int:
        first = self._workers[0]
        self._start(first)
        while not self._signals and not (self._sockets / "1").exists():
            status = first.process.poll() if first.process else None
            if status is not None:
                return status if status > 0 else 1
            self._wake.wait(0.05)
        while not self._signals:
            for worker in self._workers:
                self._look_after(worker)
            self._wake.wait(0.1)
        return 0

    def _start(self, worker: Worker) -> None:
        host, port = self._address
        shown = f"[{host}]" if ":" in host else host
        own = ["--workers", "1", "--listen", f"{shown}:{port}", "--worker", str(worker.index)]
        own += ["--spool-dir", str(spool_of(self._spool_dir, worker.index)), "--peers", str(self._sockets)]
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        worker.began = time.monotonic()
        worker.process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "keeptrusts.cli.leash", str(self._leash), *self._arguments, *own],
            stdin=subprocess.DEVNULL,
            pass_fds=(self._leash,),
            start_new_session=True,
        )

    def _look_after(self, worker: Worker) -> None:
        """Start it, or start it again when it has ended and its pause is over."""
        now = time.monotonic()
        if worker.process is not None:
            status = worker.process.poll()
            if status is None:
                return
            steady = now - worker.began > STEADY_S
            worker.failures = 0 if steady else worker.failures + 1
            worker.due = now + min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2 ** (worker.failures - 1)) * (not steady)
            worker.process = None
            _log.error("a worker ended and is started again", extra={"worker": worker.index, "status": status})
        if now >= worker.due:
            self._start(worker)

    def _end(self) -> None:
        """Let all of them drain; those that take too long are killed, and all of them when asked twice."""
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + self._drain_seconds + KILL_AFTER_S
        while any(process.poll() is None for process in running):
            if self._signals > 1 or time.monotonic() > until:
                for process in running:
                    process.kill()
            time.sleep(0.05)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signals += 1
        self._wake.set()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.process.send_signal(number)


def hold_port(host: str, port: int) -> socket.socket:
    """
    Keep a port for the workers. The socket does not listen, so it gets no connection.

    Raises:
        KeeptrustsError: Somebody else listens there.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without SO_REUSEPORT: other workers at this port, under another policy, must not go unseen.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found = probe.getsockname()
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(found)
    except OSError as taken:
        reason = (taken.strerror or str(taken)).lower()
        raise KeeptrustsError(
            f"cannot listen on `{host}:{port}`: {reason}; choose another `--listen`", code="cannot_listen"
        ) from None
    return held


def spool_of(directory: Path, worker: int) -> Path:
    """The first one's is the directory itself, so that one gateway may become several."""
    return directory if worker == 1 else directory / f"worker-{worker}"


def leftover(directory: Path, count: int) -> list[int]:
    """Workers that ran here once, and are not among so many."""
    names = (path.name.removeprefix("worker-") for path in directory.glob("worker-*"))
    return sorted(int(name) for name in names if name.isdecimal() and int(name) > count)
