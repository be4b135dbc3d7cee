"""The spool on a real disk: what was acknowledged is there, whatever became of the process or the file."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path

import pytest

from keeptrusts.core.errors import InputError, SpoolFullError
from keeptrusts.gateway import journal as journal_module
from keeptrusts.gateway.segments import FRAME_BYTES, first_sequence, read_events, read_segment, segments
from keeptrusts.gateway.spool import Spool
from keeptrusts.trail.chain import verify
from support.gateway_parts import numbered, numbers_in, open_journal, run_on_loop


def test_records_are_chained_and_survive_a_restart(tmp_path: Path) -> None:
    """One chain over two lives of the process, with the instance it began with."""
    first = open_journal(tmp_path)
    assert first.append(numbered(3)) == [None, None, None]
    first.close()
    second = open_journal(tmp_path)
    second.append(numbered(2, start=3))
    second.close()

    events = list(read_events(tmp_path))
    assert [event["number"] for event in events] == [0, 1, 2, 3, 4]
    assert {event["instance_id"] for event in events} == {first.instance_id} == {second.instance_id}
    assert verify(events, {first.instance_id: 5}) == []


def test_torn_tail_is_cut_at_every_offset(tmp_path: Path) -> None:
    """Wherever a crash cuts the last record, the ones before it stay and the chain goes on from them."""
    made = open_journal(tmp_path / "whole")
    made.append(numbered(3))
    made.close()
    (segment,) = segments(tmp_path / "whole")
    content = segment.read_bytes()
    ends = [stored.end for stored in read_segment(segment)]

    for cut in range(ends[1], ends[2]):
        directory = tmp_path / f"cut{cut}"
        directory.mkdir()
        (directory / segment.name).write_bytes(content[:cut])
        again = open_journal(directory)
        assert again.torn_bytes == cut - ends[1]
        assert again.append(numbered(1, start=9)) == [None]
        again.close()
        assert numbers_in(directory) == [0, 1, 9]
        assert verify(read_events(directory)) == []


def test_a_segment_is_read_on_behind_a_record(tmp_path: Path) -> None:
    """What came since follows, and nothing when nothing did."""
    journal = open_journal(tmp_path)
    journal.append(numbered(3))
    (segment,) = segments(tmp_path)
    first, _, last = read_segment(segment)
    assert list(read_segment(segment, last)) == []
    journal.append(numbered(2, start=3))
    journal.close()

    behind = list(read_segment(segment, last))
    assert [(one.sequence, one.event()["number"]) for one in behind] == [(4, 3), (5, 4)]
    assert list(read_segment(segment, first))[-2:] == behind == list(read_segment(segment))[-2:]


def test_zeros_at_the_end_are_cut(tmp_path: Path) -> None:
    """A file system may have made the file longer and not written it."""
    made = open_journal(tmp_path)
    made.append(numbered(2))
    made.close()
    (segment,) = segments(tmp_path)
    with segment.open("ab") as file:
        file.write(bytes(100))

    again = open_journal(tmp_path)
    again.append(numbered(1, start=2))
    again.close()
    assert again.torn_bytes == 100
    assert numbers_in(tmp_path) == [0, 1, 2]


def test_damage_in_the_middle_leaves_a_gap_record(tmp_path: Path) -> None:
    """A record that was acknowledged and cannot be read is admitted, with all that stood behind it."""
    made = open_journal(tmp_path)
    made.append(numbered(5))
    made.close()
    (segment,) = segments(tmp_path)
    ends = [stored.end for stored in read_segment(segment)]
    content = bytearray(segment.read_bytes())
    content[ends[1] + FRAME_BYTES + 3] ^= 1
    segment.write_bytes(content)

    again = open_journal(tmp_path)
    again.append(numbered(1, start=9))
    again.close()
    events = list(read_events(tmp_path))
    gap = next(event for event in events if event["event_type"] == "gap")
    assert (gap["from_sequence"], gap["to_sequence"], gap["count"], gap["reason"]) == (3, 5, 3, "spool_corrupt")
    assert [event["sequence"] for event in events] == [1, 2, 6, 7]
    assert verify(events) == []


def test_lost_segment_leaves_a_gap_record_once(tmp_path: Path) -> None:
    """A segment that somebody deleted is missed at the next start, and admitted once."""
    made = open_journal(tmp_path, segment_bytes=500)
    for number in range(6):
        made.append(numbered(1, start=number))
    made.close()
    present = segments(tmp_path)
    assert len(present) > 3
    lost = first_sequence(present[2]) - 1
    present[0].unlink()
    present[1].unlink()

    for _ in range(2):
        open_journal(tmp_path, segment_bytes=500).close()
    gaps = [event for event in read_events(tmp_path) if event["event_type"] == "gap"]
    assert [(gap["from_sequence"], gap["to_sequence"]) for gap in gaps] == [(1, lost)]


def test_damaged_head_is_named(tmp_path: Path) -> None:
    """A file that is no segment is not written over."""
    open_journal(tmp_path).close()
    (segment,) = segments(tmp_path)
    segment.write_bytes(b"something else")

    with pytest.raises(InputError, match="is damaged: move it away"):
        open_journal(tmp_path)


def test_directory_has_one_writer(tmp_path: Path) -> None:
    """A second process is told to use a directory of its own."""
    made = open_journal(tmp_path)
    with pytest.raises(InputError, match="--spool-dir") as refused:
        open_journal(tmp_path)
    made.close()

    assert refused.value.code == "spool_in_use"
    open_journal(tmp_path).close()


def test_full_spool_blocks(tmp_path: Path) -> None:
    """With `block`, what does not fit is refused and what was there stays; nothing is half written."""
    made = open_journal(tmp_path, max_bytes=2000)
    outcomes = [outcome for number in range(20) for outcome in made.append(numbered(1, start=number))]
    refused = [outcome for outcome in outcomes if outcome is not None]

    assert refused
    assert all(isinstance(outcome, SpoolFullError) for outcome in refused)
    assert not made.has_room
    made.close()
    assert numbers_in(tmp_path) == list(range(20 - len(refused)))
    assert sum(path.stat().st_size for path in segments(tmp_path)) <= 2000


def test_full_spool_drops_the_oldest_and_says_so(tmp_path: Path) -> None:
    """With `drop-oldest`, the newest records stay, and one chained gap record covers all that went."""
    made = open_journal(tmp_path, max_bytes=4000, on_full="drop-oldest", segment_bytes=1000)
    for number in range(40):
        assert made.append(numbered(1, start=number)) == [None]
    made.close()

    events = list(read_events(tmp_path))
    gap = [event for event in events if event["event_type"] == "gap"][-1]
    assert numbers_in(tmp_path)[-1] == 39
    assert (gap["from_sequence"], gap["reason"]) == (1, "spool_full")
    assert gap["to_sequence"] == events[0]["sequence"] - 1
    assert verify(events) == []
    assert sum(path.stat().st_size for path in segments(tmp_path)) <= 4000 + 1000


def test_room_comes_back_when_records_are_shipped(tmp_path: Path) -> None:
    """A full spool takes records again after the control plane has taken some."""
    made = open_journal(tmp_path, max_bytes=3000, segment_bytes=800)
    while made.append(numbered(1)) == [None]:
        pass
    made.mark_shipped(made.head.sequence)

    assert made.has_room is (made.stored_bytes + journal_module.COMMON_BYTES <= 3000)
    assert made.append(numbered(1)) == [None]
    made.close()


def test_shipped_segments_are_deleted_and_the_chain_goes_on(tmp_path: Path) -> None:
    """Only whole segments that are shipped go; the cursor survives a restart, and no gap is claimed."""
    made = open_journal(tmp_path, segment_bytes=1000)
    for number in range(10):
        made.append(numbered(1, start=number))
    head, before = made.head, len(segments(tmp_path))
    made.mark_shipped(9)
    made.close()

    assert len(segments(tmp_path)) < before
    again = open_journal(tmp_path)
    assert (again.shipped, again.head) == (9, head)
    again.append(numbered(1, start=10))
    again.close()
    events = list(read_events(tmp_path))
    assert events[-1]["prev_hash"] == head.hash
    assert not [event for event in events if event["event_type"] == "gap"]


class FullDisk:
    """Stands for a disk that has no room until somebody deletes something."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory, self._limit = directory, limit

    def __call__(self, descriptor: int, content: bytes) -> None:
        used = sum(path.stat().st_size for path in segments(self._directory))
        if used + len(content) > self._limit:
            os.write(descriptor, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(descriptor, content)


@pytest.mark.parametrize("on_full", ["block", "drop-oldest"])
def test_full_disk_is_a_full_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_full: str) -> None:
    """A write that failed in its middle leaves nothing behind, and the setting for a full spool is followed."""
    made = open_journal(tmp_path, on_full=on_full, segment_bytes=800)  # type: ignore[arg-type] # parametrised
    monkeypatch.setattr(journal_module, "write_all", FullDisk(tmp_path, 3000))
    outcomes = [made.append(numbered(1, start=number))[0] for number in range(30)]
    made.close()

    events = list(read_events(tmp_path))
    kept = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert verify(events) == []
    if on_full == "block":
        assert isinstance(outcomes[-1], SpoolFullError)
        assert numbers_in(tmp_path) == kept
    else:
        assert kept == list(range(30))
        assert numbers_in(tmp_path)[-1] == 29
        assert [event for event in events if event["event_type"] == "gap"][-1]["from_sequence"] == 1


def test_event_without_a_canonical_form_hurts_no_other(tmp_path: Path) -> None:
    """One that cannot be encoded is refused alone."""
    made = open_journal(tmp_path)
    outcomes = made.append([*numbered(1), {"number": "\ud800"}, *numbered(1, start=1)])
    made.close()

    assert [type(outcome) for outcome in outcomes] == [type(None), UnicodeEncodeError, type(None)]
    assert numbers_in(tmp_path) == [0, 1]


def test_reading_takes_no_lock_and_skips_what_is_half_written(tmp_path: Path) -> None:
    """`kt events tail` may read while the gateway writes."""
    made = open_journal(tmp_path)
    made.append(numbered(2))
    (segment,) = segments(tmp_path)
    with segment.open("ab") as file:
        file.write(b"\xff\x00\x00\x00half")

    assert numbers_in(tmp_path) == [0, 1]
    assert numbers_in(tmp_path / "nothing") == []
    made.close()


def test_requests_at_the_same_time_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred records take far fewer than a hundred fsyncs, and each is durable when its future is done."""
    synced: list[int] = []
    real = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)

    async def scene() -> None:
        spool = Spool(open_journal(tmp_path))
        await asyncio.gather(*(spool.record(event) for event in numbered(100)))
        assert sorted(numbers_in(tmp_path)) == list(range(100))
        assert spool.head.sequence == 100
        await spool.close()
        with pytest.raises(SpoolFullError):
            await spool.record(numbered(1)[0])

    run_on_loop(scene())
    assert 1 <= len(synced) < 50
    assert verify(read_events(tmp_path)) == []


def test_cursor_that_cannot_be_read_ships_again(tmp_path: Path) -> None:
    """Redelivery is harmless; losing is not."""
    made = open_journal(tmp_path)
    made.append(numbered(1))
    made.mark_shipped(1)
    made.close()
    for broken in (b"", b"[]", b"{}", json.dumps({"sequence": "x"}).encode()):
        (tmp_path / "shipped.json").write_bytes(broken)
        again = open_journal(tmp_path)
        assert again.shipped == 0
        again.close()


def test_what_is_kept_of_texts_is_no_part_of_the_hash(tmp_path: Path) -> None:
    """The same text has another digest in each record, and the chain holds with the texts and without them."""
    journal = open_journal(tmp_path)
    told = {"content": {"request": [], "answer": []}, "content_digest": "sha256:0"}
    journal.append([one | told for one in numbered(2)] + numbered(1, start=2))
    first, second, plain = events = list(read_events(tmp_path))
    assert "form" not in plain
    assert first["form"] == second["form"] == "keeptrusts.record.2"
    assert first["content_digest"] != second["content_digest"]
    assert verify(events) == verify([first | {"content": None}, second | {"content": None}, plain]) == []
    assert [one.name for one in verify([first | {"content": second["content"]}])] == ["flip"]
