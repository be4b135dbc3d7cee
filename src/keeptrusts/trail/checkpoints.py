"""
Checkpoints: what the control plane signs of the events it has, so that it cannot have had others.

Each names the Merkle root of a segment of events in the order of their commits and the digest of the checkpoint before
it. A leaf is an entry of 64 bytes: the 16 of the event's UUID, the SHA-256 of its JSON text as it is stored, canonical
and with its hash, and a tag of the configuration it was decided under. Retention is by configuration, so that of an
event that is gone the tag says whether it was to go. Checkpoints of the first form have entries of 48 bytes, without a
tag. The text of a checkpoint is canonical JSON; the signature is Ed25519 over its UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.ids import EVENT, make_id
from keeptrusts.trail.bundle import sign
from keeptrusts.trail.merkle import leaf_hash, root

ENTRY_BYTES: Final[Mapping[str, int]] = {"keeptrusts.checkpoint.1": 48, "keeptrusts.checkpoint.2": 64}
"""By type."""
TYPE: Final = "keeptrusts.checkpoint.2"
UNTAGGED_BYTES: Final = 48
_TAG_BYTES: Final = 16
_OPTIONAL: Final = ("deleted_before", "deleted_of", "erased", "content_erased")
_FIELDS: Final[Mapping[str, type]] = {
    "type": str, "organisation": str, "number": int, "size": int, "root": str, "previous": str, "lowest_id": str,
    "highest_id": str, "highest_id_before": str, "sealed_at": str,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """
    What one says.

    Args:
        number: From 1, without holes, for each organisation.
        root: Hexadecimal.
        previous: `sha256:...` of the text of the one before; empty for the first.
        lowest_id: Of the events in the segment; empty when it has none. So is `highest_id`.
        highest_id_before: Of all events in earlier segments; empty when there are none.
        deleted_before: Retention has deleted the events below this id that are of no configuration in `deleted_of`;
            empty: none. In the first form, of whichever configuration.
        deleted_of: The same by configuration.
        erased: Ids of events that were erased on request, since the checkpoint before.
        content_erased: The same of events of which only the content was; the events stay.
    """

    organisation: str
    number: int
    size: int
    root: str
    previous: str
    lowest_id: str
    highest_id: str
    highest_id_before: str
    sealed_at: str
    deleted_before: str = ""
    deleted_of: Mapping[str, str] = field(default_factory=dict)
    erased: Sequence[str] = field(default_factory=list)
    content_erased: Sequence[str] = field(default_factory=list)
    type: str = TYPE

    @property
    def entry_bytes(self) -> int:
        """Of each of its entries."""
        return ENTRY_BYTES[self.type]

    def spared(self, tag: bytes) -> str:
        """
        The lowest id of an event with this tag that retention was to leave; empty: all.

        Args:
            tag: Empty of an entry of the first form, of which nobody can tell the configuration.
        """
        if not tag:
            return max((self.deleted_before, *self.deleted_of.values()))
        known = {tag_of(name): lowest for name, lowest in self.deleted_of.items()}
        return known.get(tag, self.deleted_before)


def tag_of(configuration_id: str | None) -> bytes:
    """What an entry says of the configuration that an event was decided under."""
    return hashlib.sha256((configuration_id or "").encode()).digest()[:_TAG_BYTES]


def entry(event_id: str, text: bytes, configuration_id: str | None) -> bytes:
    """The leaf of an event. `text`: its canonical JSON, with its hash and without `received_at`."""
    return bytes.fromhex(event_id.partition("_")[2]) + hashlib.sha256(text).digest() + tag_of(configuration_id)


def split_entries(entries: bytes, size: int) -> Iterator[bytes]:
    """One by one, each of `size` bytes."""
    return (entries[at : at + size] for at in range(0, len(entries), size))


def id_of(one: bytes) -> str:
    """The id of the event that an entry is of."""
    return make_id(EVENT, one[:16])


def root_of(entries: Sequence[bytes]) -> str:
    """Hexadecimal."""
    return root([leaf_hash(one) for one in entries]).hex()


def sign_checkpoint(said: Checkpoint, key_id: str, seed: bytes) -> dict[str, str]:
    """`payload`, `key_id` and `signature`."""
    names = [name for name in Checkpoint.__slots__ if name not in _OPTIONAL or getattr(said, name)]
    return sign({name: getattr(said, name) for name in names}, key_id, seed)


def digest_of(payload: str) -> str:
    """What the next checkpoint names it by, and a witness."""
    return f"sha256:{hashlib.sha256(payload.encode()).hexdigest()}"


def read_checkpoint(signed: Mapping[str, Any], keys: Mapping[str, bytes]) -> Checkpoint | None:
    """What it says, when one of these keys signed it; None when not, or when it is no checkpoint."""
    try:
        public = Ed25519PublicKey.from_public_bytes(keys[signed["key_id"]])
        public.verify(base64.b64decode(signed["signature"], validate=True), signed["payload"].encode())
        payload = json.loads(signed["payload"])
    except (InvalidSignature, binascii.Error, KeyError, TypeError, AttributeError, ValueError):
        return None
    if not isinstance(payload, dict) or any(type(payload.get(name)) is not kind for name, kind in _FIELDS.items()):
        return None
    if payload["type"] not in ENTRY_BYTES or canonical_json(payload).decode() != signed["payload"]:
        return None
    return Checkpoint(**payload) if _is_whole(payload) else None


def _is_whole(payload: Mapping[str, Any]) -> bool:
    by_configuration = payload.get("deleted_of", {})
    return (
        set(payload) <= set(Checkpoint.__slots__)
        and isinstance(payload.get("deleted_before", ""), str)
        and isinstance(by_configuration, dict)
        and all(isinstance(lowest, str) for lowest in by_configuration.values())
        and all(_are_ids(payload.get(name, [])) for name in ("erased", "content_erased"))
    )


def _are_ids(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)
