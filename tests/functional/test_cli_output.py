"""What the groups of the control plane write, as a whole: one story, told in each format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from syrupy.assertion import SnapshotAssertion

from keeptrusts.control.settings import Settings
from support.control import OTHER_POLICY, POLICY
from support.served import Served, serve

FORMATS = ("table", "json", "jsonl", "csv", "yaml")
LISTS = ("config list", "config versions production", "gateway list", "gateway token list edge", "gateway status",
         "webhook list", "secret list", "escalation list", "export list", "events tail")  # fmt: skip
SINGLE = ("config show production", "gateway show edge", "gateway status edge", "auth whoami")
TEXT = ("config show production --version 1 --policy", "gateway config edge", "config diff production",
        "config diff production --json", "gateway diff edge --file first.yaml")  # fmt: skip
REFUSED = ("config show not-there", "gateway show not-there", "events show evt_none", "events why evt_none",
           "escalation resolve esc_none --outcome denied --reason x", "export status exp_none", "secret delete none",
           "webhook delete wh_none --yes", "token revoke key_none --yes", "config delete production --yes",
           "gateway pin edge --version 9", "config rollback production --version 9 --yes",
           "token create --name x --role viewer --scope nothing:read",
           "webhook create --url https://example.com/ --event-type event.bloked",
           "events verify not-there.jsonl")  # fmt: skip


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane with one of each, made by `kt`."""
    home = tmp_path_factory.mktemp("plane")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        for text in (POLICY, OTHER_POLICY):
            done = running.kt("config", "push", "--file", "-", "--name", "production", stdin=text)
            assert done.exit_code == 0, done.stderr
        for line in (
            "gateway create --name edge --environment production --configuration production --label team=payments",
            "gateway token create edge --name blue",
            "token create --name ci --role editor --expires-in 90d",
            "webhook create --url https://example.com/hook --event-type event.* --inactive",
            "secret set openai-key --env-var MINE --description ours",
        ):
            done = running.kt(*line.split(), env={"MINE": "hunter2"})
            assert done.exit_code == 0, done.stderr
        yield running


def told(result: Result) -> str:
    """All of it, with what differs from run to run put in its place."""
    text = f"exit {result.exit_code}\n{result.stdout}--- stderr\n{result.stderr}"
    text = re.sub(r"20\d\d-\d\d-\d\dT[\d:.]+Z", "2030-01-31T08:00:00.000000Z", text)
    text = re.sub(r"\b([a-z]{2,5})_[0-9a-f]{32}\b", lambda found: f"{found[1]}_{'0' * 32}", text)
    return re.sub(r"\b(req|kt_key|kt_gw)_[0-9a-f]+", r"\1_0", text)


@pytest.mark.parametrize("line", [f"{line} --format {form}" for line in LISTS for form in FORMATS
                                  if line != "events tail" or form in {"table", "json", "jsonl"}])  # fmt: skip
def test_lists(plane: Served, line: str, snapshot: SnapshotAssertion) -> None:
    """Each list in each of its formats changes only on purpose."""
    assert told(plane.kt(*line.split())) == snapshot


@pytest.mark.parametrize("line", [f"{line} --format {form}" for line in SINGLE for form in ("table", "json", "yaml")])
def test_single_objects(plane: Served, line: str, snapshot: SnapshotAssertion) -> None:
    """So does each single object."""
    assert told(plane.kt(*line.split())) == snapshot


@pytest.mark.parametrize("line", TEXT)
def test_texts(plane: Served, line: str, snapshot: SnapshotAssertion, tmp_path: Path,
               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """So do documents and what changed in them."""
    monkeypatch.chdir(tmp_path)
    Path("first.yaml").write_text(POLICY, encoding="utf-8")
    assert told(plane.kt(*line.split())) == snapshot


@pytest.mark.parametrize("line", REFUSED)
def test_refusals(plane: Served, line: str, snapshot: SnapshotAssertion, tmp_path: Path,
                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """What went wrong and the next step change only on purpose, and nothing is on stdout."""
    monkeypatch.chdir(tmp_path)
    result = plane.kt(*line.split())
    assert result.exit_code in {1, 2, 3}
    assert told(result) == snapshot
