"""`kt export` against a control plane on a real port."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeptrusts.client import Client
from keeptrusts.control.settings import Settings
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these; making its tokens leaves an audit log to export."""
    home = tmp_path_factory.mktemp("exporting")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        for name in ("one", "two", "three"):
            assert running.kt("token", "create", "--name", name, "--role", "viewer").exit_code == 0
        yield running


AUDIT = ("export", "create", "--type", "audit-log", "--window", "24h")


def test_an_archive_is_waited_for_and_written(plane: Served, tmp_path: Path) -> None:
    """With --wait and --output the file is there, and its name is the result."""
    target = tmp_path / "audit.csv"
    said = plane.kt(*AUDIT, "--format", "csv", "--wait", "--output", str(target))
    assert shown(said) == [str(target)]
    with target.open(encoding="utf-8", newline="") as file:
        assert [row["action"] for row in csv.DictReader(file)].count("token.create") >= 3
    assert [path.name for path in tmp_path.iterdir()] == ["audit.csv"]


def test_without_an_output_the_id_names_the_file(
    plane: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./<export id>.<format>`."""
    monkeypatch.chdir(tmp_path)
    (name,) = shown(plane.kt(*AUDIT, "--format", "jsonl", "--wait"))
    assert re.fullmatch(r"exp_[0-9a-f]{32}\.jsonl", name)
    assert all(json.loads(line)["id"] for line in (tmp_path / name).read_text(encoding="utf-8").splitlines())


def test_without_wait_the_id_is_the_result(plane: Served, tmp_path: Path) -> None:
    """The id, how to go on, and then just that works; the digest is the job's."""
    said = plane.kt(*AUDIT, "--format", "csv")
    (identifier,) = shown(said)
    assert f"kt export download {identifier}" in said.stderr
    target = tmp_path / "later.csv"
    assert shown(plane.kt("export-jobs", "download", identifier, "--wait", "--output", str(target))) == [str(target)]
    job = json.loads(plane.kt("export", "status", identifier, "--json").stdout)
    assert job["state"] == "completed"
    assert job["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert identifier in plane.kt("export", "list").stdout


def test_an_archive_can_go_to_stdout(plane: Served) -> None:
    """`--output -` writes the archive and nothing else."""
    (identifier,) = shown(plane.kt(*AUDIT, "--format", "jsonl"))
    lines = shown(plane.kt("export", "download", identifier, "--wait", "--output", "-"))
    assert all(json.loads(line)["id"] for line in lines)


def test_an_archive_that_changed_on_its_way_is_not_kept(plane: Served, tmp_path: Path) -> None:
    """What does not have the digest of the job is a failure, and no file."""
    with Client(plane.url, plane.token) as client:
        (identifier,) = shown(plane.kt(*AUDIT, "--format", "csv"))
        assert plane.kt("export", "download", identifier, "--wait", "--output", str(tmp_path / "a")).exit_code == 0
        job = client.exports.get(identifier)
    archives = [
        path for path in plane.home.rglob("*.csv") if hashlib.sha256(path.read_bytes()).hexdigest() == job["sha256"]
    ]
    for path in archives:
        path.write_bytes(path.read_bytes().replace(b"token", b"taken"))
    assert archives
    result = plane.kt("export", "download", identifier, "--output", str(tmp_path / "b"))
    assert result.exit_code == 1
    assert "error[digest_mismatch]" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--window", "24h", "--from", "2h"),
        ("--to", "1h"),
        ("--window", "24h", "--filter", "verdict"),
    ],
)
def test_a_window_that_is_none_is_refused(plane: Served, arguments: tuple[str, ...]) -> None:
    """Either a window or both ends; exit status 2."""
    assert plane.kt("export", "create", "--format", "csv", *arguments).exit_code == 2


def test_what_the_control_plane_refuses_is_told(plane: Served) -> None:
    """A window it cannot read is wrong input, not a failure."""
    result = plane.kt("export", "create", "--format", "csv", "--window", "yesterday")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "window" in result.stderr
    assert result.stderr.count("`24h`") == 1, "it is said once"


def test_a_file_that_cannot_be_written(plane: Served, tmp_path: Path) -> None:
    """The reason, and exit status 1."""
    result = plane.kt(*AUDIT, "--format", "csv", "--wait", "--output", str(tmp_path / "no" / "folder.csv"))
    assert result.exit_code == 1
    assert "choose another `--output`" in result.stderr
