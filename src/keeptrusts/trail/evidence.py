"""
Proves an archive of events against the signed checkpoints in its manifest: what was changed is found and named.

It needs nothing but the archive, its manifest, and the public keys; a head that a gateway kept as a witness shows, too,
that no checkpoint was taken away at the end.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.core.canonical import canonical_json
from keeptrusts.trail.chain import UNHASHED, event_hash
from keeptrusts.trail.checkpoints import (
    UNTAGGED_BYTES,
    Checkpoint,
    digest_of,
    entry,
    id_of,
    read_checkpoint,
    root_of,
    split_entries,
)
from keeptrusts.trail.contents import has_content, hashed_part, is_apart, is_content_intact, is_content_sealed

FindingName: TypeAlias = Literal[
    "flip", "deleted", "reordered", "duplicate", "back_dated", "cut_tail", "wrong_prev", "bad_checkpoint", "witness",
    "content_deleted", "outside",
]  # fmt: skip
MOST_NAMED: Final = 50
PROMPT_S: Final = 600
"""A gateway that reaches the control plane sends within seconds, and a minute later all is sealed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing wrong.

    Args:
        name: `flip`: the record does not match its hash. `deleted`: a sealed record is not there. `back_dated`: it was
            never sealed, though the time it claims was, or long after the time it claims. `cut_tail`: the end is
            missing. `content_deleted`: the record is there without its content, which nobody erased. `witness`: the
            checkpoints are not those that a gateway was shown. `outside`: it is not of the time that the archive is of.
        where: The id of the record, or the number of the checkpoint.
    """

    name: FindingName
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Window:
    """Ids from `lowest`, inclusive, to `highest`, exclusive. `whole`: no filter left anything out."""

    lowest: str
    highest: str
    whole: bool


@dataclass(slots=True)
class Proof:
    """The state of one verification: `checkpoint` for each in order, `row` for each in order, then `findings`."""

    keys: Mapping[str, bytes]
    window: Window
    organisation: str = ""
    sealed: dict[str, bytes] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    found: list[Finding] = field(default_factory=list)
    rows: int = 0
    checkpoints: int = 0
    deleted_before: str = ""
    erased: set[str] = field(default_factory=set)
    content_erased: set[str] = field(default_factory=set)
    content_sealed: int = 0
    delays: dict[str, int] = field(default_factory=dict)
    _bounds: dict[bytes, str] = field(default_factory=dict)
    _contentless: dict[str, bytes] = field(default_factory=dict)
    _retention: list[Checkpoint] = field(default_factory=list)
    _last: Checkpoint | None = None
    _last_digest: str = ""
    _last_row: str = ""
    _links: dict[str, dict[int, tuple[str, str | None]]] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)

    def checkpoint(self, signed: Mapping[str, Any]) -> None:
        """Take in the next one, with its `entries` when it has any in the window."""
        said = read_checkpoint(signed, self.keys)
        if said is None:
            self._report("bad_checkpoint", f"{self.checkpoints + 1}", "its signature does not verify with these keys")
            return
        self.checkpoints += 1
        if said.organisation != (self.organisation or said.organisation):
            self._report("bad_checkpoint", str(said.number), "it is of another organisation than the archive")
        self._follow(said)
        digest = digest_of(signed["payload"])
        self._last, self._last_digest = said, digest
        self._digests[said.number] = digest
        if lowest := said.spared(b""):
            self.deleted_before = max(self.deleted_before, lowest)
            self._retention.append(said)
        self.erased |= set(said.erased)
        self.content_erased |= set(said.content_erased)
        self._take_entries(said, signed.get("entries"))

    def row(self, event: Mapping[str, Any]) -> None:
        """Take in the next record."""
        self.rows += 1
        identifier = str(event.get("id"))
        if identifier in self.seen:
            self._report("duplicate", identifier, "the record stands there twice")
            return
        self.seen.add(identifier)
        if identifier < self._last_row:
            self._report("reordered", identifier, f"it stands behind `{self._last_row}`")
        self._last_row = max(self._last_row, identifier)
        if not self.window.lowest <= identifier < self.window.highest:
            self._report("outside", identifier, "it is not of the time that the manifest names")
        self._compare(identifier, event)
        self._link(identifier, event)

    def late(self, longest_s: int) -> None:
        """Report what was sealed more than this many seconds after the time it claims. Ask after the last row."""
        for identifier, delay_s in sorted(self.delays.items()):
            if delay_s > longest_s and identifier in self.seen:
                self._report("back_dated", identifier, f"it was sealed {delay_s} seconds after the time it claims")

    def witness(self, number: int, digest: str) -> None:
        """What a gateway was shown once. Ask after the last checkpoint."""
        known = self._digests.get(number)
        if known is not None and known != digest:
            self._report("witness", str(number), "a gateway was shown another checkpoint of this number")
        elif known is None and (self._last is None or number > self._last.number):
            self._report("cut_tail", str(number), "a gateway was shown a later checkpoint than the last one here")

    def findings(self, covers_until: str) -> list[Finding]:
        """
        Everything that is wrong. Ask at the end.

        Args:
            covers_until: RFC 3339, with its zone: the end of the time that the archive is of. Empty: it is not known.
        """
        if self._last is None:
            self._report("bad_checkpoint", "1", "no checkpoint that verifies is there: nothing proves these records")
        elif covers_until and datetime.fromisoformat(self._last.sealed_at) < datetime.fromisoformat(covers_until):
            self._report("cut_tail", str(self._last.number), "the checkpoints end before the time of the archive does")
        if self.window.whole:
            self._find_missing()
        self._find_broken_links()
        self._find_contentless()
        return self.found

    def _follow(self, said: Checkpoint) -> None:
        before = self._last
        if before is None:
            if said.highest_id_before >= self.window.lowest:
                self._report("bad_checkpoint", str(said.number), "earlier checkpoints of this time are missing")
            return
        if said.number != before.number + 1 or said.previous != self._last_digest:
            self._report("bad_checkpoint", str(said.number), f"it does not follow number {before.number}")

    def _take_entries(self, said: Checkpoint, encoded: object) -> None:
        concerned = said.size and said.highest_id >= self.window.lowest and said.lowest_id < self.window.highest
        if encoded is None:
            if concerned:
                self._report("bad_checkpoint", str(said.number), "its entries are missing")
            return
        try:
            entries = list(split_entries(base64.b64decode(str(encoded), validate=True), said.entry_bytes))
        except (binascii.Error, ValueError):
            entries = []
        if len(entries) != said.size or root_of(entries) != said.root:
            self._report("bad_checkpoint", str(said.number), "its entries do not have the root that was signed")
            return
        self.sealed |= {id_of(one): one for one in entries}
        self._note_delays(said, entries)

    def _note_delays(self, said: Checkpoint, entries: Iterable[bytes]) -> None:
        """Of records that were sealed long after the time they claim: a spool that was held up, or put in by hand."""
        sealed_ms = int(datetime.fromisoformat(said.sealed_at).timestamp() * 1000)
        for one in entries:
            delay_s = (sealed_ms - int.from_bytes(one[:6], "big")) // 1000
            if delay_s > PROMPT_S:
                self.delays[id_of(one)] = delay_s

    def _compare(self, identifier: str, event: Mapping[str, Any]) -> None:
        try:
            body = {name: value for name, value in hashed_part(event).items() if name != UNHASHED[1]}
            intact = event_hash(event) == event.get("hash") and is_content_intact(event)
            configuration = event.get("configuration_id")
            own = entry(identifier, canonical_json(body), None if configuration is None else str(configuration))
        except (TypeError, ValueError):
            self._report("flip", identifier, "the record cannot be read as it was hashed")
            return
        sealed = self.sealed.get(identifier)
        if not intact or (sealed is not None and sealed != own[: len(sealed)]):
            self._report("flip", identifier, "the record is not the one that was recorded")
        elif sealed is None and self.checkpoints:
            self._report("back_dated", identifier, "no checkpoint has sealed this record")
        self._note_content(identifier, event, own)

    def _note_content(self, identifier: str, event: Mapping[str, Any], own: bytes) -> None:
        self.content_sealed += is_content_sealed(event)
        if is_apart(event) and not has_content(event):
            self._contentless[identifier] = own[UNTAGGED_BYTES:]

    def _find_contentless(self) -> None:
        """Retention deletes keys first where an event came when its time was over."""
        lost = (one for one in self._contentless if one not in self.content_erased)
        for one in sorted(one for one in lost if one >= self._spared(self._contentless[one])):
            self._report("content_deleted", one, "its content is not there, and nobody erased it")

    def _link(self, identifier: str, event: Mapping[str, Any]) -> None:
        instance, sequence = str(event.get("instance_id")), event.get("sequence")
        if not isinstance(sequence, int):
            return
        links = self._links.setdefault(instance, {})
        if sequence in links:
            self._report("duplicate", identifier, f"`{instance}` has another record with number {sequence}")
            return
        previous = event.get("prev_hash")
        links[sequence] = (str(event.get("hash")), previous if isinstance(previous, str) else None)

    def _find_broken_links(self) -> None:
        for instance, links in self._links.items():
            for sequence, (_, previous) in links.items():
                before = links.get(sequence - 1)
                if before is not None and before[0] != previous:
                    self._report("wrong_prev", f"{instance}#{sequence}", "it does not follow the record before it")

    def _find_missing(self) -> None:
        window = self.window
        gone = (one for one in self.sealed if one not in self.seen and window.lowest <= one < window.highest)
        kept = (one for one in gone if one >= self._spared(self.sealed[one][UNTAGGED_BYTES:]))
        lost = sorted(one for one in kept if one not in self.erased)
        for one in lost[:MOST_NAMED]:
            name: FindingName = "cut_tail" if one > self._last_row else "deleted"
            self._report(name, one, "a record that was sealed is not there")
        if len(lost) > MOST_NAMED:
            self._report("deleted", lost[-1], f"and {len(lost) - MOST_NAMED} more, up to this one")

    def _spared(self, tag: bytes) -> str:
        """Below this id retention was to delete events with this tag."""
        if tag not in self._bounds:
            self._bounds[tag] = max((said.spared(tag) for said in self._retention), default="")
        return self._bounds[tag]

    def _report(self, name: FindingName, where: str, message: str) -> None:
        self.found.append(Finding(name, where, message))


def prove(
    rows: Iterable[Mapping[str, Any]],
    manifest: Mapping[str, Any],
    keys: Mapping[str, bytes],
    window: Window,
    witnesses: Sequence[tuple[int, str]] = (),
    *,
    max_delay_s: int | None = None,
) -> Proof:
    """
    Verify a whole archive; `found` of the answer has everything that is wrong.

    Args:
        max_delay_s: What was sealed later than this after the time it claims is wrong, too; None: however late.
    """
    proof = Proof(keys, window, str(manifest.get("organisation") or ""))
    for signed in manifest.get("checkpoints", ()):
        proof.checkpoint(signed)
    for number, digest in witnesses:
        proof.witness(number, digest)
    for event in rows:
        proof.row(event)
    if max_delay_s is not None:
        proof.late(max_delay_s)
    # of a window that ends later there could be no checkpoint yet
    proof.findings(str(manifest.get("covers_until", manifest.get("window_to", ""))))
    return proof
