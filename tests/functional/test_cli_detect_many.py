"""`kt detect` with more lines than one process is left alone with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keeptrusts.cli.detect import ALONE, BATCH, BATCH_BYTES
from keeptrusts.cli.spreading import in_order

KT = Path(sys.executable).with_name("kt")
SPREAD = """
import os, sys
from keeptrusts.cli.spreading import in_order
first = os.getpid()
said = list(in_order(lambda number: (number, os.getpid()), range(40), 2))
assert [number for number, _ in said] == list(range(40))
assert first not in {process for _, process in said}
def fail(number):
    raise ValueError(number)
try:
    list(in_order(fail, range(40), 2))
except ValueError as error:
    sys.exit(0 if error.args == (0,) else 3)
"""


def detect(source: str, folder: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [str(KT), "detect", "--kind", "secrets", "--jsonl", source]
    return subprocess.run(command, input=given, capture_output=True, env={"HOME": str(folder)}, check=False)


def test_many_lines_stay_in_order(tmp_path: Path) -> None:
    """A file is read by all cores, a pipe by one, and they say the same; a bad line is named by its number."""
    lines = [json.dumps({"text": f"password = 'x8Kd02LmZq9{number}'"}).encode() for number in range(ALONE + 3 * BATCH)]
    lines[ALONE + BATCH + 7] = b'{"text": 3, "more": "' + b"x" * BATCH_BYTES + b'"}'
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b"\n".join(lines))
    spread, alone = detect(str(path), tmp_path), detect("-", tmp_path, path.read_bytes())
    assert spread.stdout == alone.stdout
    assert spread.stderr == alone.stderr
    assert f"line {ALONE + BATCH + 8}: write an object".encode() in spread.stderr
    assert (spread.returncode, alone.returncode) == (2, 2)
    widths = [len(str(number)) for number in range(len(lines))]
    said = [json.loads(line) for line in spread.stdout.splitlines()]
    assert [one["spans"][0][1] - one["spans"][0][0] - 11 for one in said if "spans" in one] == [
        width for number, width in enumerate(widths) if number != ALONE + BATCH + 7
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")
def test_processes_answer_in_order() -> None:
    """Not this one, and an error of theirs is raised here."""
    done = subprocess.run([sys.executable, "-c", SPREAD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_process_needs_no_copy() -> None:
    """Where there is one core, and where a copy is not safe."""
    assert list(in_order(str, range(3), 1)) == ["0", "1", "2"]
