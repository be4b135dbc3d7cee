"""
What a record holds of texts, kept apart from what its hash covers, so that it can go and the record stays proven.

A record of the second form names itself in `form`. Its hash covers everything but `content`; `content_digest` is the
digest of `content`, in which a random `salt` keeps anybody from guessing a short text by its digest once it is gone.
A record without `content` is of the first form, and so are those of gateways before it: there the hash covers all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.trail.record_json import record_digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORM: Final = "keeptrusts.record.2"
SALT_BYTES: Final = 16
SEALED: Final = "sealed"
"""The one member of a `content` that is encrypted: in archives, base64 of AES-256-GCM under a key of its own."""


def with_content_apart(event: Mapping[str, Any], salt: str) -> Mapping[str, Any]:
    """
    The event in the second form when it has content; else as it is.

    Args:
        salt: Hexadecimal, random, never used before.
    """
    content = event.get("content")
    if content is None:
        return event
    salted = {**content, "salt": salt}
    return {**event, "form": FORM, "content": salted, "content_digest": record_digest(salted)}


def is_apart(event: Mapping[str, Any]) -> bool:
    """Whether its hash leaves `content` out."""
    return event.get("form") == FORM


def hashed_part(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record without a content that its hash leaves out."""
    return {name: value for name, value in event.items() if name != "content"} if is_apart(event) else event


def has_content(event: Mapping[str, Any]) -> bool:
    """Whether a record of the second form has its content with it, sealed or not."""
    return isinstance(event.get("content"), Mapping)


def is_content_sealed(event: Mapping[str, Any]) -> bool:
    """Whether it cannot be read without its key."""
    content = event.get("content")
    return isinstance(content, Mapping) and set(content) == {SEALED}


def is_content_intact(event: Mapping[str, Any]) -> bool:
    """
    Whether a content that can be read is the one that the record names. One that is gone or sealed cannot be told.

    Raises:
        TypeError: It has no canonical form; so has ValueError.
    """
    if not is_apart(event) or not has_content(event) or is_content_sealed(event):
        return True
    return record_digest(event["content"]) == event.get("content_digest")


def encrypt(content: bytes, key: bytes, org: str, event_id: str) -> bytes:
    """
    Args:
        key: 32 bytes that encrypt this one content and nothing else.
    """
    return _cipher(key).encrypt(_NONCE, content, _bound_to(org, event_id))


def decrypt(sealed: bytes, key: bytes, org: str, event_id: str) -> bytes | None:
    """The content; None: it is another's, or was changed."""
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(_cipher(key).decrypt(_NONCE, sealed, _bound_to(org, event_id)))
    except (InvalidTag, ValueError):
        return None


def _cipher(key: bytes) -> AESGCM:
    # 8 MB, which a gateway that encrypts nothing does not need
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _bound_to(org: str, event_id: str) -> bytes:
    return f"event content/{org}/{event_id}".encode()


_NONCE: Final = bytes(12)
"""The same each time: a key is used once."""
