"""
Signs what a webhook is sent, so that its receiver knows who wrote it: Standard Webhooks 1.0.

A secret is `whsec_` and 24 to 64 random bytes in base64. While one is being replaced, a message carries a signature
with each; a receiver that knows either is content.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST_BYTES: Final = 24
LONGEST_BYTES: Final = 64
_MADE_BYTES = 32


def make_secret() -> str:
    """A fresh one."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_MADE_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether it has the form and the length of a secret."""
    if not text.startswith(PREFIX):
        return False
    try:
        size = len(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        return False
    return SHORTEST_BYTES <= size <= LONGEST_BYTES


def signed_headers(keys: Sequence[str], message_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """
    The headers that prove `body`.

    Args:
        keys: Secrets, the newest first.
        message_id: The same over all attempts, so that a receiver sees what it already had.
    """
    moment = int(at.timestamp())
    signed = f"{message_id}.{moment}.".encode() + body
    digests = [hmac.digest(_bytes(key), signed, hashlib.sha256) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join("v1," + base64.b64encode(digest).decode() for digest in digests),
        "x-keeptrusts-signature": f"t={moment}" + "".join(f",v1={digest.hex()}" for digest in digests),
    }


def _bytes(key: str) -> bytes:
    return base64.b64decode(key.removeprefix(PREFIX))
