"""`kt events erase`, `kt events open` and `kt export create --content`, against a control plane on a real port."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.control.settings import Settings
from support.records import Instance
from support.served import Served, serve, shown

TEXT = "the tiger sleeps in Basel"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these."""
    home = tmp_path_factory.mktemp("contents")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        yield running


def sent(plane: Served, name: str, *users: str) -> list[dict[str, Any]]:
    """A text of each of these users."""
    one = Instance(name)
    records = [one.telling(f"{TEXT}: {user}", user_id=user) for user in users]
    headers = {"Authorization": f"Bearer {plane.token}", "Content-Type": "application/json"}
    body = json.dumps({"events": records})
    assert urllib3.request("POST", f"{plane.url}/v1/gateway/events", body=body, headers=headers).status == 200
    return records


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line.removesuffix(",")) for line in path.read_text().splitlines() if line[:1] not in "[]"]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_an_archive_is_opened_and_proven(plane: Served, tmp_path: Path, form: str) -> None:
    """Sealed as it comes; in the clear afterwards, for its owner alone; the same manifest proves both."""
    sent(plane, f"gwi_{form}", "alice", "bob")
    archive, opened = tmp_path / f"events.{form}", tmp_path / "opened"
    shown(
        plane.kt(
            "export", "create", "--format", form, "--window", "1h", "--wait", "--output", str(archive), "--manifest"
        )
    )
    assert TEXT not in archive.read_text()
    said = plane.kt("events", "open", str(archive), "--output", str(opened))
    assert shown(said) == [str(opened)]
    assert "2 texts were decrypted" in said.stderr or form == "jsonl"
    assert opened.read_text().count(TEXT) == len(lines(opened))
    assert stat.S_IMODE(opened.stat().st_mode) == 0o600
    for path in (archive, opened):
        proven = plane.kt("events", "verify", str(path), "--manifest", f"{archive}.manifest.json")
        assert proven.exit_code == 0, proven.output
        assert ("the content is encrypted" in proven.stderr) == (path == archive)


def test_what_was_erased_does_not_open(plane: Served, tmp_path: Path) -> None:
    """In an archive from before it: that text stays encrypted, and the archive is still proven."""
    carol, dave = sent(plane, "gwi_erasing", "carol", "dave")
    archive, opened = tmp_path / "events.jsonl", tmp_path / "opened.jsonl"
    words = ("export", "create", "--format", "jsonl", "--window", "1h", "--wait", "--manifest")
    shown(plane.kt(*words, "--output", str(archive)))
    done = json.loads(
        plane.kt("events", "erase", "--user", "carol", "--keep-events", "--yes", "--format", "json").stdout
    )
    assert (done["user_id"], done["erased_count"], done["content_erased_count"]) == ("carol", 0, 1)
    said = plane.kt("events", "open", str(archive), "--output", str(opened))
    assert "of 1 there is no key any more" in said.stderr
    assert f"{TEXT}: carol" not in opened.read_text()
    assert f"{TEXT}: dave" in opened.read_text()
    proven = plane.kt("events", "verify", str(opened), "--manifest", f"{archive}.manifest.json")
    assert proven.exit_code == 0, proven.output

    clear = tmp_path / "clear.jsonl"
    shown(plane.kt(*words, "--content", "clear", "--output", str(clear)))
    told = {one["id"]: one["content"] for one in lines(clear)}
    assert told[carol["id"]] is None
    assert told[dave["id"]] == dave["content"]
    proven = plane.kt("events", "verify", str(clear))
    assert (proven.exit_code, "of 1 records the content was erased" in proven.stderr) == (0, True), proven.output


def test_events_are_erased_by_their_ids(plane: Served) -> None:
    """After a question; a user and ids at once are not understood."""
    (record,) = sent(plane, "gwi_ids", "erin")
    asked = plane.kt("events", "erase", "--event", record["id"], stdin="n\n")
    assert (asked.exit_code, "delete all events with these ids?" in asked.stderr) == (1, True), asked.output
    done = json.loads(plane.kt("events", "erase", "--event", record["id"], "--yes", "--format", "json").stdout)
    assert (done["event_ids"], done["erased_count"]) == ([record["id"]], 1)
    assert plane.kt("events", "erase", "--event", record["id"], "--user", "erin", "--yes").exit_code == 2


def test_only_archives_of_events_are_opened(plane: Served, tmp_path: Path) -> None:
    """What is no archive is named by its line, and no file is left; content is of events alone."""
    (tmp_path / "notes.txt").write_text("hello\n")
    done = plane.kt("events", "open", str(tmp_path / "notes.txt"), "--output", str(tmp_path / "opened"))
    assert (done.exit_code, "notes.txt:1` is no record of an event" in done.stderr) == (2, True), done.output
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    words = ("export", "create", "--type", "audit-log", "--format", "csv", "--window", "1h", "--content", "clear")
    refused = plane.kt(*words)
    assert (refused.exit_code, "only events have content" in refused.stderr) == (2, True), refused.output
