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
from keeptrusts.policy.document import compile_document
from support.policy_cases import document
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


def kt_events(directory: Path, command: str, *arguments: str) -> Result:
    return run_kt("events", command, *arguments, env={"HOME": str(directory)})


def test_one_event_of_a_spool(tmp_path: Path) -> None:
    """Shown and explained without a control plane; one that is not there ends with 2."""
    instance = Instance()
    events = [instance.decision("allowed"), instance.decision("blocked")]
    spool(tmp_path, events)
    where = ("--spool", str(tmp_path))

    found = json.loads("\n".join(shown(kt_events(tmp_path, "show", events[1]["id"], *where, "--format", "json"))))
    assert found == events[1]
    told = shown(kt_events(tmp_path, "why", events[1]["id"], *where))
    assert any("secret_scanner.found" in line for line in told)
    assert any("`--file`" in line for line in told)
    absent = kt_events(tmp_path, "why", "evt_0", *where)
    assert (absent.exit_code, "is not in this spool" in absent.stderr) == (2, True)


def test_an_event_is_judged_again_by_a_file(tmp_path: Path) -> None:
    """The document that ran, beside what was recorded; another one is named as such."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        document({"secret-scanner": {"action": "block"}, "audit-logger": {"content": "full"}}), encoding="utf-8"
    )
    said = [{"role": "user", "part": "content", "text": "my key is AKIAQ3ERTY7UI2OPASDF"}]
    digest = compile_document(policy.read_text(encoding="utf-8")).digest
    event = Instance().decision("blocked", content={"request": said, "answer": []}, config_digest=digest)
    spool(tmp_path / "spool", [event])
    told = "\n".join(
        shown(kt_events(tmp_path, "why", event["id"], "--spool", str(tmp_path / "spool"), "--file", str(policy)))
    )

    assert f"judged again by `{policy}`: blocked, secret_scanner.aws_access_key; as recorded" in told
    assert "not the document that ran" not in told


def test_a_spool_is_proven(tmp_path: Path) -> None:
    """The chains of all its parts; a record that is missing or was changed ends with 3."""
    one, two = Instance("gwi_1"), Instance("gwi_2")
    whole = [one.decision() for _ in range(4)]
    spool(tmp_path / "whole" / "worker-0", whole[:2])
    spool(tmp_path / "whole" / "worker-0", whole[2:], first=3)
    spool(tmp_path / "whole" / "worker-1", [two.decision()])
    sound = kt_events(tmp_path, "verify", str(tmp_path / "whole"))
    assert (sound.exit_code, "5 records" in sound.stderr) == (0, True)

    spool(tmp_path / "holed", whole[:1])
    spool(tmp_path / "holed", whole[2:], first=3)
    holed = kt_events(tmp_path, "verify", str(tmp_path / "holed"), "--json")
    assert holed.exit_code == 3
    assert [one["name"] for one in json.loads(holed.stdout)] == ["gap"]

    spool(tmp_path / "changed", [whole[0], whole[1] | {"verdict": "blocked"}])
    changed = kt_events(tmp_path, "verify", str(tmp_path / "changed"), "--json")
    assert (changed.exit_code, [one["name"] for one in json.loads(changed.stdout)]) == (3, ["flip"])
