"""
The signed bundle: what a gateway is to enforce, in a form that nobody between it and the control plane can change.

The signature is Ed25519 (RFC 8032) over the UTF-8 of `payload`, which is canonical JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.errors import UntrustedBundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FIELDS: Final[Mapping[str, type]] = {
    "gateway_id": str,
    "organisation": str,
    "configuration_id": str,
    "configuration_version": int,
    "config_digest": str,
    "policy_yaml": str,
    "fail_mode": str,
    "epoch": int,
    "issued_at": str,
    "not_after": str,
}
"""What a payload must hold; `api.runtime.BundlePayload` says what each means."""


def sign(payload: Mapping[str, Any], key_id: str, private_key: bytes) -> dict[str, str]:
    """
    A bundle of this payload.

    Args:
        private_key: The 32 bytes of an Ed25519 seed.
    """
    text = canonical_json(dict(payload))
    signature = _opened(private_key).sign(text)
    return {"payload": text.decode(), "key_id": key_id, "signature": base64.b64encode(signature).decode()}


def verify(bundle: Mapping[str, str], public_key: bytes) -> dict[str, Any]:
    """
    The payload, when this key signed it. Says nothing of its age; see `check_fresh`.

    Args:
        public_key: 32 bytes, of the key that `key_id` names.

    Raises:
        UntrustedBundleError: The signature is not of this key, or the payload is not a bundle's.
    """
    # 8 MB, which a gateway without a control plane does not need
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = base64.b64decode(bundle["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, bundle["payload"].encode())
    except (InvalidSignature, binascii.Error, ValueError):
        raise UntrustedBundleError("the signature of the bundle does not verify", code="bad_signature") from None
    return _read(bundle["payload"])


def check_fresh(payload: Mapping[str, Any], *, last_epoch: int, now: datetime) -> None:
    """
    Refuse to go back in time.

    Args:
        last_epoch: The highest epoch ever accepted; 0 when there was none. The same one may come again.
        now: UTC.

    Raises:
        UntrustedBundleError: A lower epoch, or past `not_after`.
    """
    if payload["epoch"] < last_epoch:
        raise UntrustedBundleError(
            f"the bundle has epoch {payload['epoch']}, and epoch {last_epoch} was already accepted",
            code="bundle_rollback",
        )
    if parse_time(payload["not_after"]) < now:
        raise UntrustedBundleError(f"the bundle expired at {payload['not_after']}", code="bundle_expired")


def parse_time(text: str) -> datetime:
    """
    RFC 3339 to an aware time in UTC.

    Raises:
        UntrustedBundleError: It is no such time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UntrustedBundleError("a time in the bundle is not RFC 3339", code="bad_payload") from None
    if found.tzinfo is None:
        raise UntrustedBundleError("a time in the bundle has no zone", code="bad_payload")
    return found.astimezone(UTC)


@lru_cache(maxsize=4)
def _opened(seed: bytes) -> Ed25519PrivateKey:
    """It takes as long as a signature."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _read(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise UntrustedBundleError("the payload of the bundle is not an object", code="bad_payload")
    for name, kind in FIELDS.items():
        if type(payload.get(name)) is not kind:
            raise UntrustedBundleError(f"`{name}` of the bundle is missing or of a wrong type", code="bad_payload")
    return payload
