"""
The hash chain over the records of one gateway instance: forging, losing or reordering one is found and named.

`hash` is `sha256:` and the hexadecimal SHA-256 of the canonical JSON of the record without `hash` and `received_at`
(the control plane's own field), and in the second form without `content` (`trail.contents`). `sequence` starts at 1;
`prev_hash` of the first record is null. What an instance had to drop is admitted by a record of type `gap` further on
in the same chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.trail.contents import hashed_part, is_apart, is_content_intact
from keeptrusts.trail.record_json import record_digest, record_json

UNHASHED: Final = ("hash", "received_at")

DefectName: TypeAlias = Literal["flip", "gap", "reorder", "duplicate", "wrong_prev", "cut_tail"]


@dataclass(frozen=True, slots=True)
class Defect:
    """
    One thing wrong with a chain.

    Args:
        name: `flip`: the content does not match its hash. `gap`: records are missing that no gap record admits.
            `reorder`: it stands after a later one. `duplicate`: its sequence was there before. `wrong_prev`: it does
            not follow the record before it. `cut_tail`: the chain ends before the head that was witnessed.
        sequence: Of the first record concerned.
    """

    name: DefectName
    instance_id: str
    sequence: int
    message: str


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: what the next record follows."""

    sequence: int = 0
    hash: str | None = None


def link(event: Mapping[str, Any], *, sequence: int, prev_hash: str | None, instance_id: str) -> dict[str, Any]:
    """The event as the chain's record number `sequence`, with its `hash`."""
    chained = chain_fields(event, sequence=sequence, prev_hash=prev_hash, instance_id=instance_id)
    return chained | {"hash": event_hash(chained)}


def chain_fields(event: Mapping[str, Any], *, sequence: int, prev_hash: str | None, instance_id: str) -> dict[str, Any]:
    """The event with its place in the chain, and without a hash."""
    kept = {name: value for name, value in event.items() if name not in UNHASHED}
    return kept | {"instance_id": instance_id, "sequence": sequence, "prev_hash": prev_hash}


def sealed(chained: dict[str, Any]) -> tuple[bytes, str]:
    """
    The canonical JSON of a record with its hash, and the hash; the record is encoded once.

    Args:
        chained: As `chain_fields` made it.
    """
    before = _members_before(chained, "hash")
    after = record_json({name: value for name, value in chained.items() if name > "hash"})[1:]
    hashed = _members_before(hashed_part(chained), "hash") if is_apart(chained) else before
    digest = "sha256:" + hashlib.sha256(b"{%b%b" % (hashed, after)).hexdigest()
    return b'{%b"hash":"%b",%b' % (before, digest.encode(), after), digest


def _members_before(record: Mapping[str, Any], end: str) -> bytes:
    """Those whose names come before, as they stand in the canonical JSON, each with a comma behind it."""
    text = record_json({name: value for name, value in record.items() if name < end})[1:-1]
    return text and text + b","


def event_hash(event: Mapping[str, Any]) -> str:
    """What the `hash` of this record has to be."""
    kept = {name: value for name, value in hashed_part(event).items() if name not in UNHASHED}
    return record_digest(kept)


def gap_event(identifier: str, timestamp: str, first: int, last: int, reason: str) -> dict[str, Any]:
    """
    The record that admits a loss; it is chained like any other.

    Args:
        first: Sequence of the first record that is lost; `last` is that of the last one.
        reason: `spool_full` or `spool_corrupt`.
    """
    return {
        "id": identifier,
        "event_type": "gap",
        "timestamp": timestamp,
        "from_sequence": first,
        "to_sequence": last,
        "count": last - first + 1,
        "reason": reason,
    }


def verify(events: Iterable[Mapping[str, Any]], heads: Mapping[str, int] | None = None) -> list[Defect]:
    """
    Everything wrong with these records, in the order they stand in.

    A window of a chain is as good as the whole: what lies before its first record is not missed.

    Args:
        heads: Sequence of the newest record of each instance as a witness knew it; a chain that ends earlier is cut.
    """
    chains: dict[str, _Chain] = {}
    for event in events:
        instance = str(event.get("instance_id"))
        chains.setdefault(instance, _Chain(instance)).take(event)
    for instance, head in (heads or {}).items():
        chains.setdefault(instance, _Chain(instance)).expect(head)
    return [defect for chain in chains.values() for defect in chain.defects()]


class _Chain:
    """The records of one instance as they come by."""

    def __init__(self, instance_id: str) -> None:
        self._instance = instance_id
        self._hashes: dict[int, str] = {}
        self._last = 0
        self._missing: dict[int, int] = {}
        self._admitted: list[range] = []
        self._late: list[int] = []
        self._found: list[Defect] = []

    def take(self, event: Mapping[str, Any]) -> None:
        sequence = event.get("sequence")
        if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
            self._report("flip", self._last + 1, "a record has no sequence")
            return
        if not _is_intact(event):
            self._report("flip", sequence, "the record does not match its hash")
        if sequence in self._hashes:
            self._report("duplicate", sequence, "the sequence was there before")
            return
        self._place(sequence)
        self._follow(event, sequence)
        self._hashes[sequence] = str(event.get("hash"))
        if event.get("event_type") == "gap":
            self._admit(event)

    def _place(self, sequence: int) -> None:
        if sequence < self._last:
            self._report("reorder", sequence, f"the record stands after number {self._last}")
            self._late.append(sequence)
            return
        if self._last and sequence > self._last + 1:
            self._missing[self._last + 1] = sequence - 1
        self._last = sequence

    def _follow(self, event: Mapping[str, Any], sequence: int) -> None:
        previous = self._hashes.get(sequence - 1)
        if sequence == 1 and event.get("prev_hash") is not None:
            self._report("wrong_prev", sequence, "the first record of a chain follows nothing")
        elif previous is not None and event.get("prev_hash") != previous:
            self._report("wrong_prev", sequence, f"the record does not follow number {sequence - 1}")

    def _admit(self, event: Mapping[str, Any]) -> None:
        first, last = event.get("from_sequence"), event.get("to_sequence")
        if isinstance(first, int) and isinstance(last, int):
            self._admitted.append(range(first, last + 1))

    def expect(self, head: int) -> None:
        if self._last < head:
            self._report("cut_tail", self._last + 1, f"the chain was {head} records long")

    def defects(self) -> list[Defect]:
        """What was found, with the gaps that nothing admits."""
        gaps = [gap for first, last in self._missing.items() if (gap := self._gap(first, last))]
        return self._found + gaps

    def _gap(self, first: int, last: int) -> Defect | None:
        known = sorted((*self._admitted, *(range(late, late + 1) for late in self._late)), key=lambda one: one.start)
        lost: list[range] = []
        at = first
        for admitted in known:
            if admitted.start > at:
                lost.append(range(at, min(admitted.start, last + 1)))
            at = max(at, admitted.stop)
        lost.append(range(at, last + 1))
        left = [one for one in lost if one]
        if not left:
            return None
        count = sum(len(one) for one in left)
        return self._defect("gap", left[0].start, f"{count} records are missing, up to number {left[-1][-1]}")

    def _report(self, name: DefectName, sequence: int, message: str) -> None:
        self._found.append(self._defect(name, sequence, message))

    def _defect(self, name: DefectName, sequence: int, message: str) -> Defect:
        return Defect(name, self._instance, sequence, message)


def _is_intact(event: Mapping[str, Any]) -> bool:
    try:
        return event.get("hash") == event_hash(event) and is_content_intact(event)
    except (TypeError, ValueError):
        return False
