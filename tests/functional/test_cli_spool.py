"""`kt events tail --spool`: a gateway's records without a control plane."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from click.testing import Result

from keeptrusts.cli.feed import EventRow, Spooled
from keeptrusts.core.canonical import canonical_json
from keeptrusts.gateway.segments import SegmentHeader, create_segment, frame
from support.records import Instance
from support.served import run_kt, shown


def spool(directory: Path, events: list[dict[str, Any]], first: int = 1) -> Path:
    """A segment with these records, as a gateway writes it."""
    directory.mkdir(parents=True, exist_ok=True)
    path = create_segment(directory, SegmentHeader(events[0]["instance_id"], first, events[0]["prev_hash"]))
    append(path, events)
    return path


def append(path: Path, events: list[dict[str, Any]]) -> None:
    with path.open("ab") as out:
        out.write(b"".join(frame(canonical_json(event)) for event in events))


def tail(directory: Path, *arguments: str) -> Result:
    return run_kt("events", "tail", "--spool", str(directory), *arguments, env={"HOME": str(directory)})


def ids(events: list[Any]) -> list[str]:
    return [str(event["id"]) for event in events]


def test_the_newest_of_a_spool(tmp_path: Path) -> None:
    """The newest last, over several segments, with no control plane and no key."""
    instance = Instance()
    events = [instance.decision("blocked" if number % 2 else "allowed") for number in range(6)]
    spool(tmp_path, events[:4])
    spool(tmp_path, events[4:], first=5)
    assert ids(json.loads("\n".join(shown(tail(tmp_path, "--limit", "3", "--json"))))) == ids(events[3:])
    blocked = tail(tmp_path, "--verdict", "blocked", "--format", "jsonl")
    assert ids([json.loads(line) for line in shown(blocked)]) == ids(events[1::2])
    assert shown(tail(tmp_path, "--since", "2099-01-01T00:00:00Z", "--json")) == ["[]"]


def test_the_spools_of_several_workers_are_one(tmp_path: Path) -> None:
    """Folders below are read together, in the order of time."""
    one, two = Instance("gwi_1"), Instance("gwi_2")
    events = [one.decision(at=1_900_000_001), two.decision(at=1_900_000_002), one.decision(at=1_900_000_003)]
    spool(tmp_path / "worker-0", [events[0], events[2]])
    spool(tmp_path / "worker-1", [events[1]])
    assert ids(json.loads("\n".join(shown(tail(tmp_path, "--json"))))) == ids(events)


def test_following_reads_each_record_once(tmp_path: Path) -> None:
    """What is appended later comes, what was read does not come again, also over a new segment."""
    instance = Instance()
    before, after, later = instance.decision(), instance.decision(), instance.decision()
    path = spool(tmp_path, [before])
    feed = Spooled(tmp_path, lambda _event: True)
    assert ids(feed.newest(10)) == ids([before])
    append(path, [after])
    spool(tmp_path, [later], first=3)
    coming: list[EventRow] = list(islice(feed.coming(lambda: None), 2))
    assert ids(coming) == ids([after, later])


def test_a_folder_without_a_spool(tmp_path: Path) -> None:
    """Exit status 2, and which option of the gateway to give."""
    result = tail(tmp_path)
    assert result.exit_code == 2
    assert "--spool-dir" in result.stderr
