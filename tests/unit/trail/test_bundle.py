"""A bundle is what the control plane signed, and not older than the last one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.errors import UntrustedBundleError
from keeptrusts.trail.bundle import check_fresh, parse_time, sign, verify

SEED = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
PAYLOAD: dict[str, Any] = {
    "gateway_id": "gw_1",
    "organisation": "org_1",
    "configuration_id": "cfg_1",
    "configuration_version": 3,
    "config_digest": "sha256:00",
    "policy_yaml": "pack: {}\n",
    "fail_mode": "block",
    "epoch": 7,
    "issued_at": "2026-01-01T00:00:00Z",
    "not_after": "2026-01-09T00:00:00Z",
}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_signed_bundle_verifies() -> None:
    """The payload comes back as it was signed."""
    assert verify(sign(PAYLOAD, "key_1", SEED), PUBLIC) == PAYLOAD


@pytest.mark.parametrize(
    "change",
    [
        {"payload": canonical_json(PAYLOAD | {"epoch": 8}).decode()},
        {"signature": base64.b64encode(bytes(64)).decode()},
        {"signature": "not base64!"},
        {"signature": base64.b64encode(b"short").decode()},
    ],
)
def test_changed_bundle_is_refused(change: dict[str, str]) -> None:
    """One changed byte and it is not trusted."""
    with pytest.raises(UntrustedBundleError) as refused:
        verify(sign(PAYLOAD, "key_1", SEED) | change, PUBLIC)

    assert refused.value.code == "bad_signature"


def test_key_of_another_is_refused() -> None:
    """A good signature of somebody else's key is none."""
    with pytest.raises(UntrustedBundleError):
        verify(sign(PAYLOAD, "key_1", bytes(32)), PUBLIC)


@pytest.mark.parametrize(
    "payload",
    [[], "text", {}, PAYLOAD | {"epoch": True}, PAYLOAD | {"policy_yaml": 3}, PAYLOAD | {"fail_mode": None}],
)
def test_signed_nonsense_is_refused(payload: Any) -> None:
    """Whoever holds the key still has to say what a bundle says."""
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(canonical_json(payload))
    bundle = {"payload": canonical_json(payload).decode(), "signature": base64.b64encode(signature).decode()}

    with pytest.raises(UntrustedBundleError) as refused:
        verify(bundle, PUBLIC)

    assert refused.value.code == "bad_payload"


def test_older_epoch_is_refused() -> None:
    """An old bundle, well signed, cannot bring an old policy back; the same one may come again."""
    check_fresh(PAYLOAD, last_epoch=7, now=NOW)
    with pytest.raises(UntrustedBundleError) as refused:
        check_fresh(PAYLOAD, last_epoch=8, now=NOW)

    assert refused.value.code == "bundle_rollback"


def test_expired_bundle_is_refused() -> None:
    """A bundle is good up to `not_after` and no second longer."""
    check_fresh(PAYLOAD, last_epoch=0, now=datetime(2026, 1, 9, tzinfo=UTC))
    with pytest.raises(UntrustedBundleError) as refused:
        check_fresh(PAYLOAD, last_epoch=0, now=datetime(2026, 1, 9, 0, 0, 1, tzinfo=UTC))

    assert refused.value.code == "bundle_expired"


@pytest.mark.parametrize("text", ["tomorrow", "2026-01-01T00:00:00"])
def test_time_without_zone_is_refused(text: str) -> None:
    """A time that could mean two things is none."""
    with pytest.raises(UntrustedBundleError):
        parse_time(text)


def test_time_is_brought_to_utc() -> None:
    """An offset is taken into account."""
    assert parse_time("2026-01-01T02:00:00+02:00") == datetime(2026, 1, 1, tzinfo=UTC)
