"""
The files of a spool: segments of framed records, each named after the sequence of its first record.

A segment begins with a magic line and a framed header, so that the chain continues even from an empty one. A frame is
length and CRC-32, both little-endian and four bytes, then the payload: one chained event as canonical JSON. A segment
appears under its name only when its header is durable.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from keeptrusts.core.canonical import canonical_json

MAGIC: Final = b"keeptrusts spool 1\n"
_FRAME: Final = struct.Struct("<II")
FRAME_BYTES: Final = _FRAME.size
MAX_PAYLOAD_BYTES: Final = 64 * 1024 * 1024
_MOST_HEADER: Final = 4096
"""More than a header has."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What the segment's first record follows."""

    instance_id: str
    first_sequence: int
    prev_hash: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """
    A record as it lies in a segment.

    Args:
        end: Offset in the file of the byte after it.
    """

    sequence: int
    payload: bytes
    end: int

    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.payload)
        return event


def frame(payload: bytes) -> bytes:
    """The payload with its length and checksum before it."""
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def frames(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Payloads and the offsets after them, up to the first frame that is cut short or does not match its checksum."""
    at = start
    while (found := frame_at(data, at)) is not None:
        at += FRAME_BYTES + len(found)
        yield found, at


def frame_at(data: bytes, at: int) -> bytes | None:
    """The payload of the frame that begins at this offset; None when no good one does."""
    if at + FRAME_BYTES > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    # An empty frame is what a file system leaves behind that extended the file and did not write it.
    if not 0 < length <= MAX_PAYLOAD_BYTES or at + FRAME_BYTES + length > len(data):
        return None
    payload = data[at + FRAME_BYTES : at + FRAME_BYTES + length]
    return payload if zlib.crc32(payload) == checksum else None


def segments(directory: Path) -> list[Path]:
    """The segments there, oldest first."""
    return sorted(directory.glob("*.seg"))


def first_sequence(segment: Path) -> int:
    """The sequence that the segment's name tells."""
    return int(segment.stem)


def create_segment(directory: Path, header: SegmentHeader) -> Path:
    """A new, empty segment, durable under its name."""
    path = directory / f"{header.first_sequence:020d}.seg"
    write_durably(path, MAGIC + frame(canonical_json(asdict(header))))
    return path


def read_header(data: bytes) -> tuple[SegmentHeader, int] | None:
    """The header and the offset after it; None when this is not the start of a segment."""
    if not data.startswith(MAGIC):
        return None
    payload = frame_at(data, len(MAGIC))
    if payload is None:
        return None
    return SegmentHeader(**json.loads(payload)), len(MAGIC) + FRAME_BYTES + len(payload)


def read_segment(path: Path, behind: Stored | None = None) -> Iterator[Stored]:
    """
    The good records of a segment, up to the first bad one. A segment that has gone holds none.

    Args:
        behind: One of them: only those behind it are read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        if behind is None:
            found = read_header(file.read(_MOST_HEADER))
            if found is None:
                return
            sequence, at = found[0].first_sequence, found[1]
        else:
            sequence, at = behind.sequence + 1, behind.end
        file.seek(at)
        # One after the other: a segment in memory is what a small worker holds in all.
        while (payload := _next_payload(file)) is not None:
            at += FRAME_BYTES + len(payload)
            yield Stored(sequence, payload, at)
            sequence += 1


def _next_payload(file: BinaryIO) -> bytes | None:
    """That of the frame which comes now; None when no good one does."""
    head = file.read(FRAME_BYTES)
    length = _FRAME.unpack(head)[0] if len(head) == FRAME_BYTES else 0
    return frame_at(head + file.read(length), 0) if 0 < length <= MAX_PAYLOAD_BYTES else None


def read_events(directory: Path) -> Iterator[dict[str, Any]]:
    """Every event in a spool, oldest first. Only reads, and needs no lock: a record half written is not yet there."""
    for segment in segments(directory):
        for stored in read_segment(segment):
            yield stored.event()


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that after a crash it holds the old content or the new one."""
    made = path.with_name(path.name + ".new")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    made.replace(path)
    sync_directory(path.parent)


def write_all(descriptor: int, content: bytes) -> None:
    """`os.write` until everything is written."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: Path) -> None:
    """Make the names in it durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
