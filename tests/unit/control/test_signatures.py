"""Who wrote a message can be proven, by the public library as well as by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from keeptrusts.control.signatures import is_secret, make_secret, signed_headers

BODY = '{"type":"webhook.test","data":{"name":"ünï"}}'.encode()


def test_the_public_library_verifies() -> None:
    """With the secret; not with another, and not after one byte changed."""
    secret = make_secret()
    headers = signed_headers([secret], "dlv_1", BODY, datetime.now(UTC))
    Webhook(secret).verify(BODY, headers)
    for key, body in ((make_secret(), BODY), (secret, BODY.replace(b"test", b"tesT"))):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, headers)


def test_either_secret_verifies_during_rotation() -> None:
    """Two signatures, the newest first, in both headers."""
    new, old = make_secret(), make_secret()
    headers = signed_headers([new, old], "dlv_1", BODY, datetime.now(UTC))
    Webhook(new).verify(BODY, headers)
    Webhook(old).verify(BODY, headers)
    assert [one.partition(",")[0] for one in headers["webhook-signature"].split(" ")] == ["v1", "v1"]
    assert headers["x-keeptrusts-signature"].count(",v1=") == 2


def test_the_headers_of_a_known_message() -> None:
    """Exactly these; the second form is the HMAC of the same text, in hexadecimal."""
    key = bytes(range(32))
    secret = "whsec_" + base64.b64encode(key).decode()
    at = datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC)
    signed = b"dlv_1.1769860800." + BODY
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    assert signed_headers([secret], "dlv_1", BODY, at) == {
        "webhook-id": "dlv_1",
        "webhook-timestamp": "1769860800",
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        "x-keeptrusts-signature": f"t=1769860800,v1={digest.hex()}",
    }


def test_what_a_secret_is() -> None:
    """`whsec_` and 24 to 64 bytes in base64."""
    assert is_secret(make_secret())
    assert make_secret() != make_secret()
    for size, fits in ((23, False), (24, True), (64, True), (65, False)):
        assert is_secret("whsec_" + base64.b64encode(b"x" * size).decode()) is fits, size
    for text in (
        "",
        "whsec_",
        "a" * 40,
        "whsec_" + "é" * 40,
        "whsec_" + "a b" * 20,
        base64.b64encode(b"x" * 32).decode(),
    ):
        assert not is_secret(text), text
