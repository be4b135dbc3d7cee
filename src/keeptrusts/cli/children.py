"""Processes that `kt dev` starts, watches and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Self

from keeptrusts.core.errors import KeeptrustsError

PATIENCE_S: Final = 15.0
"""How long a child may take to end in order."""
LAST_BYTES: Final = 4096
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(KeeptrustsError):
    """Somebody wants an end."""

    code = "stopped"


@dataclass(frozen=True, slots=True)
class Child:
    """
    A running command of `kt`.

    Args:
        log: Where both of its streams go.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """The end of what it said, indented."""
        with suppress(OSError):
            said = self.log.read_bytes()[-LAST_BYTES:].decode(errors="replace").splitlines()[-12:]
            return "\n".join(f"  {line}" for line in said)
        return ""

    def require_alive(self) -> None:
        """
        Go on.

        Raises:
            KeeptrustsError: It has ended; with its last words.
        """
        status = self.process.poll()
        if status is not None:
            raise KeeptrustsError(f"the {self.name} ended with status {status}; its last lines, from {self.log}:\n"
                                  f"{self.last_lines()}", code="child_ended")  # fmt: skip

    def stop(self) -> None:
        """SIGTERM; by force when it takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Children:
    """
    Those that were started, in that order; they end in the opposite one.

    None outlives this process: each hangs on a leash (see `leash`). They are not in the terminal's process group, so
    Ctrl-C reaches this process alone, which then ends them in order.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._all: list[Child] = []
        self._stop = threading.Event()
        self._leash, self._held = os.pipe()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._all):
            child.stop()
        os.close(self._held)
        os.close(self._leash)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """
        Start `kt ARGUMENTS`.

        Args:
            environment: What the child gets beside this process's own, less all settings of Keeptrusts.
        """
        log = self._logs / f"{name.replace(' ', '-')}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        own = {key: value for key, value in os.environ.items() if not key.startswith("KEEPTRUSTS_")}
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "keeptrusts.cli.leash", str(self._leash), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=own | dict(environment),
                pass_fds=(self._leash,),
                start_new_session=True,
            )
        child = Child(name, process, log)
        self._all.append(child)
        return child

    def wait_until(self, ready: Callable[[], bool], what: str, *, seconds: float) -> None:
        """
        Ask again and again until it is so.

        Raises:
            StoppedError: A signal came first.
            KeeptrustsError: A child ended, or it took too long.
        """
        for _ in range(int(seconds / 0.05)):
            for child in self._all:
                child.require_alive()
            if ready():
                return
            if self._stop.wait(0.05):
                raise StoppedError("stopped before everything was ready")
        last = self._all[-1]
        raise KeeptrustsError(f"waited {seconds:.0f} s in vain until {what}; the last lines of {last.log}:\n"
                              f"{last.last_lines()}", code="not_ready")  # fmt: skip

    def watch(self) -> None:
        """
        Return when a signal says so.

        Raises:
            KeeptrustsError: A child ended by itself.
        """
        while not self._stop.wait(0.2):
            for child in self._all:
                child.require_alive()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._stop.is_set():
            # asked twice: no more patience
            for child in self._all:
                child.process.kill()
        self._stop.set()
