"""What a spool is found to hold when it is opened again: after a clean end, a kill -9, or damage."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from keeptrusts.core.errors import InputError
from keeptrusts.gateway.segments import (
    FRAME_BYTES,
    SegmentHeader,
    frames,
    read_events,
    read_header,
    write_durably,
)
from keeptrusts.trail.chain import Link

CURSOR = "shipped.json"


@dataclass(frozen=True, slots=True)
class Recovered:
    """
    The newest segment as it was found.

    Args:
        head: Of the last good record.
        end: Offset after it; what follows is cut off.
        last_seen: Highest sequence for which there are good bytes anywhere after the cut; `head.sequence` if none. It
            is higher when the file was damaged in its middle, and never after a mere crash.
    """

    header: SegmentHeader
    head: Link
    end: int
    last_seen: int


def recover(segment: Path, size: int) -> Recovered:
    """
    Find the last good record.

    Raises:
        InputError: The file is no segment. A crash does not leave one like that.
    """
    data = segment.read_bytes()[:size]
    found = read_header(data)
    if found is None:
        raise InputError(f"`{segment}` is damaged: move it away, and keep it for whoever looks into it")
    header, start = found
    good = list(frames(data, start))
    payload, end = good[-1] if good else (None, start)
    sequence = header.first_sequence - 1 + len(good)
    digest = json.loads(payload)["hash"] if payload is not None else header.prev_hash
    return Recovered(header, Link(sequence, digest), end, sequence + _good_after(data, end))


def _good_after(data: bytes, cut: int) -> int:
    """How many records are lost with the bytes after the cut, when good ones are among them; else 0."""
    if cut + FRAME_BYTES > len(data):
        return 0
    (length,) = struct.unpack_from("<I", data, cut)
    good = sum(1 for _ in frames(data, cut + FRAME_BYTES + length))
    return good + 1 if good else 0


def is_admitted(directory: Path, first: int, last: int) -> bool:
    """Whether a gap record in the spool covers all of these sequences."""
    left = first
    for event in read_events(directory):
        if event.get("event_type") == "gap" and event["from_sequence"] <= left <= event["to_sequence"]:
            left = event["to_sequence"] + 1
    return left > last


def read_cursor(directory: Path) -> int:
    """Sequence up to which everything was shipped; 0 when nothing was, or nobody knows."""
    try:
        found = json.loads((directory / CURSOR).read_bytes())["sequence"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return found if isinstance(found, int) else 0


def write_cursor(directory: Path, sequence: int) -> None:
    """Remember, durably, what was shipped."""
    write_durably(directory / CURSOR, json.dumps({"sequence": sequence}).encode())
