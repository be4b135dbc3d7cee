"""`/v1/trail`: what proves the events."""

from __future__ import annotations

from typing_extensions import TypedDict


class SignedCheckpoint(TypedDict):
    """
    GET /v1/trail/checkpoints.

    `payload` is canonical JSON: the Merkle root of a segment of events, and the digest of the checkpoint before it.
    `signature` is base64 Ed25519 over its UTF-8, by the key `key_id` of `/v1/trail/keys`.
    """

    number: int
    payload: str
    key_id: str
    signature: str


class InclusionProof(TypedDict):
    """
    GET /v1/trail/proof/{event_id}: an RFC 6962 audit path from the event to the root of a checkpoint.

    `entry` is the leaf: 16 bytes of the event's UUID and the SHA-256 of its canonical JSON, in hexadecimal.
    """

    event_id: str
    entry: str
    index: int
    size: int
    path: list[str]
    checkpoint: SignedCheckpoint


class TrailHead(TypedDict):
    """The newest checkpoint: its number, and the SHA-256 of its payload. 0 and the empty text: there is none."""

    number: int
    digest: str
