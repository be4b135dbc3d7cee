"""
One spool directory under one writer: recovery, appending, rotation, room.

Not safe for several threads; `spool.Spool` gives it a thread of its own.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.core.errors import InputError, SpoolFullError
from keeptrusts.gateway.recovery import Recovered, is_admitted, read_cursor, recover, write_cursor
from keeptrusts.gateway.segments import SegmentHeader, create_segment, first_sequence, frame, segments, write_all
from keeptrusts.trail.chain import Link, chain_fields, sealed
from keeptrusts.trail.contents import SALT_BYTES, with_content_apart

OnFull: TypeAlias = Literal["block", "drop-oldest"]
Event: TypeAlias = dict[str, Any]
GapMaker: TypeAlias = Callable[[int, int, str], Event]

SEGMENT_BYTES: Final = 8 * 1024 * 1024
COMMON_BYTES: Final = 8192
_ROOM_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """
    Where records are kept and how much of them.

    Args:
        max_bytes: Of all segments together.
        segment_bytes: A segment is closed when it has grown so far.
    """

    directory: Path
    max_bytes: int = 1024 * 1024 * 1024
    on_full: OnFull = "block"
    segment_bytes: int = SEGMENT_BYTES


class Journal:
    """
    The segments of one directory.

    Args:
        instance_id: Used when the directory holds no chain yet; else the chain keeps its own.
        make_gap: The event that admits a loss, from `(first, last, reason)`.

    Raises:
        InputError: Another process uses the directory, or its newest segment is no segment.
    """

    def __init__(self, settings: SpoolSettings, instance_id: str, make_gap: GapMaker) -> None:
        self._settings = settings
        self._directory = settings.directory
        self._make_gap = make_gap
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(self._directory)
        if not segments(self._directory):
            write_cursor(self._directory, 0)
            create_segment(self._directory, SegmentHeader(instance_id, 1, None))
        self.shipped = read_cursor(self._directory)
        self._sizes = {path: path.stat().st_size for path in segments(self._directory)}
        self._active = max(self._sizes)
        self._file = os.open(self._active, os.O_WRONLY | os.O_APPEND)
        found = recover(self._active, self._sizes[self._active])
        self.instance_id = found.header.instance_id
        self.head = found.head
        self.torn_bytes = self._sizes[self._active] - found.end
        self._cut(found.end)
        self._admit_what_is_missing(found)

    @property
    def stored_bytes(self) -> int:
        """Size of all segments."""
        return sum(self._sizes.values())

    @property
    def has_room(self) -> bool:
        """Whether a record of common size would be taken now."""
        return self._settings.on_full == "drop-oldest" or self.stored_bytes + COMMON_BYTES <= self._settings.max_bytes

    def append(self, events: Sequence[Event]) -> list[Exception | None]:
        """
        Chain the events, store them, and make them durable together.

        Returns:
            For each event None when it is durable, else why it is not.
        """
        try:
            return self._store(events, ())
        except OSError as failed:
            error = failed
        while error.errno in _ROOM_ERRORS and self._settings.on_full == "drop-oldest":
            victims = self._oldest()
            if victims is None:
                break
            lost = self._lost_with(victims)
            self._delete(victims)
            try:
                return self._store(events, lost)
            except OSError as failed:
                error = failed
        full = SpoolFullError(f"the spool cannot be written: {error.strerror or error}")
        return [full for _ in events]

    def admit(self, first: int, last: int, reason: str) -> None:
        """Write the record that says these sequences are lost."""
        self.append([self._make_gap(first, last, reason)])

    def mark_shipped(self, sequence: int) -> None:
        """Everything up to here is durable elsewhere; segments that hold no more than that are deleted."""
        self.shipped = max(self.shipped, sequence)
        write_cursor(self._directory, self.shipped)
        present = sorted(self._sizes)
        for segment, following in itertools.pairwise(present):
            if first_sequence(following) <= self.shipped + 1:
                self._delete(segment)

    def close(self) -> None:
        """Let another process have the directory."""
        os.close(self._file)
        os.close(self._lock)

    def _store(self, events: Sequence[Event], lost: Sequence[int]) -> list[Exception | None]:
        if self._sizes[self._active] >= self._settings.segment_bytes:
            self._rotate(self.head.sequence + 1)
        batch = _Batch(self.instance_id, self.head, self._room())
        outcomes = [batch.add(event) for event in events]
        victims = self._victims(len(batch.content))
        lost = [*lost, *(sequence for victim in victims for sequence in self._lost_with(victim))]
        if lost:
            batch.room = None
            # From the cursor on, so that it also admits what earlier gap records did that now go themselves.
            batch.add(self._make_gap(self.shipped + 1, lost[-1], "spool_full"))
        self._write(bytes(batch.content))
        self.head = batch.head
        for victim in victims:
            self._delete(victim)
        return outcomes

    def _room(self) -> int | None:
        """Bytes that may still be written; None when older ones give way."""
        if self._settings.on_full == "drop-oldest":
            return None
        return self._settings.max_bytes - self.stored_bytes

    def _write(self, content: bytes) -> None:
        if not content:
            return
        durable = self._sizes[self._active]
        try:
            write_all(self._file, content)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, durable)
            raise
        self._sizes[self._active] = durable + len(content)

    def _rotate(self, next_sequence: int) -> None:
        made = create_segment(self._directory, SegmentHeader(self.instance_id, next_sequence, self.head.hash))
        os.close(self._file)
        self._file = os.open(made, os.O_WRONLY | os.O_APPEND)
        self._active = made
        self._sizes[made] = made.stat().st_size
        self.head = Link(next_sequence - 1, self.head.hash)

    def _victims(self, coming: int) -> list[Path]:
        """The oldest segments that have to go so that so many bytes find room."""
        excess = self.stored_bytes + coming - self._settings.max_bytes
        chosen: list[Path] = []
        for segment in sorted(self._sizes)[:-1]:
            if excess <= 0 or self._settings.on_full == "block":
                break
            chosen.append(segment)
            excess -= self._sizes[segment]
        return chosen

    def _oldest(self) -> Path | None:
        oldest = min(self._sizes)
        return None if oldest == self._active else oldest

    def _lost_with(self, segment: Path) -> Sequence[int]:
        """Sequences that are nowhere else when this segment goes."""
        following = min(path for path in self._sizes if path > segment)
        return range(max(first_sequence(segment), self.shipped + 1), first_sequence(following))

    def _delete(self, segment: Path) -> None:
        segment.unlink(missing_ok=True)
        self._sizes.pop(segment, None)

    def _cut(self, end: int) -> None:
        if self.torn_bytes:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
            self._sizes[self._active] = end

    def _admit_what_is_missing(self, found: Recovered) -> None:
        """Nothing that was once acknowledged goes without a word, whatever became of the files."""
        newest = max(found.last_seen, self.shipped)
        if newest > self.head.sequence:
            first = self.head.sequence + 1
            self._rotate(newest + 1)
            self.admit(first, newest, "spool_corrupt")
        oldest = first_sequence(min(self._sizes))
        first = self.shipped + 1
        if first < oldest and not is_admitted(self._directory, first, oldest - 1):
            self.admit(first, oldest - 1, "spool_full")


class _Batch:
    """
    Events as they are chained one to the next.

    Args:
        room: Bytes that may be used; None for as many as it takes.
    """

    def __init__(self, instance_id: str, head: Link, room: int | None) -> None:
        self._instance_id = instance_id
        self.head = head
        self.room = room
        self.content = bytearray()

    def add(self, event: Event) -> Exception | None:
        """Take the event in; else say why not."""
        sequence = self.head.sequence + 1
        try:
            apart = with_content_apart(event, secrets.token_hex(SALT_BYTES)) if event.get("content") else event
            chained = chain_fields(apart, sequence=sequence, prev_hash=self.head.hash, instance_id=self._instance_id)
            payload, digest = sealed(chained)
        except (TypeError, ValueError) as unfit:
            return unfit
        framed = frame(payload)
        if self.room is not None and len(self.content) + len(framed) > self.room:
            return SpoolFullError("the spool has no room for another record")
        self.content += framed
        self.head = Link(sequence, digest)
        return None


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InputError(
            f"the spool `{directory}` is used by another process: give each gateway a `--spool-dir` of its own",
            code="spool_in_use",
        ) from None
    return descriptor
