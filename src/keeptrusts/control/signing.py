"""Signs bundles with the installation's key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from keeptrusts.api.runtime import Bundle, BundleCanary, BundlePayload
from keeptrusts.store.canaries import Canary, Version
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.gateways import Desired
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.signing_keys import SigningKey, current_key, newest_key_id
from keeptrusts.store.transaction import Store
from keeptrusts.trail.bundle import sign

VALID_FOR: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Signed:
    """A bundle as it is answered, in JSON. `etag` is that of the payload: two replicas give the same one."""

    body: bytes
    etag: str
    epoch: int


class Signer:
    """The current key. Safe to use from any thread."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._key: SigningKey | None = None

    def key(self) -> SigningKey:
        """
        Made in the database when there is none.

        Raises:
            StoreUnavailableError: The database is away, or the secret key is not the one it was made with.
        """
        if (known := self._key) is not None:
            return known
        with self._store.write() as tx:
            self._key = made = current_key(tx.connection, self._sealer, at=tx.now)
        return made

    def refresh(self) -> None:
        """Let go of a key that was retired, by whatever process."""
        known = self._key
        if known is None:
            return
        with self._store.read() as tx:
            newest = newest_key_id(tx.connection)
        if newest != known.key_id:
            self._key = None


def sign_bundle(desired: Desired, key: SigningKey, *, org: str, now: datetime) -> Signed:
    """
    The bundle of what a gateway is to run.

    It is the same bytes for a day or until something changes, whichever replica is asked.
    """
    payload = _payload(desired, org, max(desired.since, _floor(now)))
    signed = sign({**payload}, key.key_id, key.seed)
    bundle: Bundle = {"payload": signed["payload"], "key_id": signed["key_id"], "signature": signed["signature"]}
    etag = f'"{hashlib.sha256(signed["payload"].encode()).hexdigest()}"'
    return Signed(msgspec.json.encode(bundle), etag, desired.epoch)


def _payload(desired: Desired, org: str, issued: datetime) -> BundlePayload:
    canary = desired.canary
    main = desired.version if canary is None else canary.others
    payload: BundlePayload = {
        "gateway_id": desired.gateway_id,
        "organisation": org,
        "configuration_id": main.configuration_id,
        "configuration_version": main.configuration_version,
        "config_digest": main.content_digest,
        "policy_yaml": main.policy_yaml,
        "fail_mode": desired.fail_mode,
        "epoch": desired.epoch,
        "issued_at": rfc3339(issued),
        "not_after": rfc3339(issued + VALID_FOR),
    }
    if canary is not None:
        payload["canary"] = _canary(canary, desired.version)
    return payload


def _canary(canary: Canary, first: Version) -> BundleCanary:
    return {
        "percent": canary.percent,
        "lead": canary.lead,
        "configuration_id": first.configuration_id,
        "configuration_version": first.configuration_version,
        "config_digest": first.content_digest,
        "policy_yaml": first.policy_yaml,
    }


def _floor(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
