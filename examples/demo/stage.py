"""Everything the demo starts or writes: one folder, one home of its own, one process tree. Nothing of the user's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KT = str(Path(sys.executable).with_name("kt"))
QUICKSTART = Path(__file__).parents[1] / "quickstart"


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


class Stage:
    """
    The demo's folder and the running `kt dev`.

    Its home is inside the folder, so that the installed provider, Terraform's settings and Keeptrusts' profile there
    are the demo's and the user's stay as they are.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keeptrusts-demo-"))
        self.home = self.folder / "home"
        self.quickstart = self.folder / "quickstart"
        self.env_file = self.folder / "kt.env"
        self.log = self.folder / "kt-dev.log"
        self.settings: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.home.mkdir()
        (self.folder / "terraformrc").write_text("", encoding="utf-8")
        shutil.copytree(QUICKSTART, self.quickstart, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))

    def environment(self) -> dict[str, str]:
        """The caller's, less what could lead elsewhere, with the settings that `kt dev` wrote."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("KEEPTRUSTS_", "TF_", "XDG_"))
        }
        own = {
            "HOME": str(self.home),
            "PATH": f"{Path(KT).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TF_CLI_CONFIG_FILE": str(self.folder / "terraformrc"),
            "CHECKPOINT_DISABLE": "1",
            "NO_COLOR": "1",
        }
        return inherited | own | self.settings

    def start(self) -> None:
        """Start `kt dev` on two free ports and take over the settings it writes when it is ready."""
        command = [
            KT, "dev", "--data-dir", str(self.folder / "data"), "--env-file", str(self.env_file),
            "--api-listen", f"127.0.0.1:{free_port()}", "--gateway-listen", f"127.0.0.1:{free_port()}",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches the demo alone, which then stops this in order.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
                start_new_session=True,
            )
        self.settings = until("`kt dev` is ready", self._ready, seconds=60)

    def _ready(self) -> dict[str, str] | None:
        if self.process is None or self.process.poll() is not None:
            raise DemoError(f"`kt dev` ended:\n{self.log.read_text(encoding='utf-8', errors='replace')}")
        if not self.env_file.exists():
            return None
        return read_settings(self.env_file.read_text(encoding="utf-8"))

    def run(self, *command: str, folder: Path | None = None, extra: Mapping[str, str] | None = None) -> Finished:
        """Run a command to its end, with the demo's home and settings."""
        done = subprocess.run(
            command, cwd=folder or self.folder, env=self.environment() | dict(extra or {}), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return Finished(" ".join(command), done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Stop everything and leave nothing behind."""
        if self.process is not None:
            stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Finished:
    """A command that ended."""

    def __init__(self, command: str, status: int, output: str, talk: str) -> None:
        self.command = command
        self.status = status
        self.output = output
        self.talk = talk

    def checked(self) -> Finished:
        """
        Itself, when it succeeded.

        Raises:
            DemoError: It did not; with all that it said.
        """
        if self.status:
            raise DemoError(f"`{self.command}` ended with {self.status}:\n{self.output}{self.talk}")
        return self


def read_settings(text: str) -> dict[str, str]:
    """`NAME=value` lines."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def until(what: str, ask: Callable[[], T | None], *, seconds: float) -> T:
    """
    Ask again and again until there is an answer.

    Raises:
        DemoError: There was none in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.05)
    raise DemoError(f"waited {seconds:.0f} s in vain: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C first; the whole process group by force when that is not enough."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
