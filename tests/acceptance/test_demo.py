"""`make demo`, as a stranger runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from demo.stage import until

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.acceptance


def environment(**changed: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "examples")} | changed


def run_demo(tmp_path: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """The command of the Makefile's `demo`, with its temporary folder inside the test's."""
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        env=environment(TMPDIR=str(tmp_path), **changed),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_demo_proves_the_loop_and_leaves_nothing(tmp_path: Path) -> None:
    """Every expectation holds, in under 90 seconds, and no process and no file is left."""
    done = run_demo(tmp_path)

    counted = re.search(r"^(\d+) of (\d+) held, ([\d.]+) s$", done.stdout, re.MULTILINE)
    assert counted
    assert counted[1] == counted[2]
    assert int(counted[1]) >= 20
    assert float(counted[3]) < 90
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_keep_leaves_it_running(tmp_path: Path) -> None:
    """With KEEP=1 the addresses are printed and answer, until the printed command stops it."""
    done = run_demo(tmp_path, "--keep")
    try:
        gateway = re.search(r"^  gateway +(http\S+)$", done.stdout, re.MULTILINE)
        assert gateway, done.stdout + done.stderr
        with urllib.request.urlopen(f"{gateway[1]}/health", timeout=10) as answer:
            assert answer.status == 200
    finally:
        stop = re.search(r"kill -INT (\d+)", done.stdout)
        if stop:
            os.kill(int(stop[1]), signal.SIGINT)
    until("everything has stopped", lambda: not processes_in(tmp_path) or None, seconds=20)


def processes_in(folder: Path) -> list[str]:
    """Command lines that name the folder, of everything that runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended while we looked
            continue
    return [line for line in found if str(folder) in line]


def test_without_terraform_it_says_where_to_get_it(tmp_path: Path) -> None:
    """A machine without Terraform is told so at once, with the address."""
    done = run_demo(tmp_path, PATH=str(tmp_path))

    assert done.returncode == 1
    assert "Terraform is not installed; get it at https://developer.hashicorp.com/terraform/install" in done.stderr
