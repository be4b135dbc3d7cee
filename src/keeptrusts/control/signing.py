"""Signs bundles with the installation's key, and remembers what it signed: a gateway asks for the same one often."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from keeptrusts.api.runtime import Bundle, BundlePayload
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.gateways import Desired
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.signing_keys import SigningKey, current_key, newest_key_id
from keeptrusts.store.transaction import Store
from keeptrusts.trail.bundle import sign

VALID_FOR: Final = timedelta(days=8)
RENEWED_EVERY: Final = timedelta(days=1)
REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Signed:
    """`etag` is that of the payload: two replicas give the same one."""

    bundle: Bundle
    etag: str


class Signer:
    """The current key. Safe to use from any thread."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._key: SigningKey | None = None
        self._made: OrderedDict[BundleKey, Signed] = OrderedDict()
        self._lock = threading.Lock()

    def key(self) -> SigningKey:
        """
        Made in the database when there is none.

        Raises:
            StoreUnavailableError: The database is away, or the secret key is not the one it was made with.
        """
        if self._key is None:
            with self._store.write() as tx:
                self._key = current_key(tx.connection, self._sealer, at=tx.now)
        return self._key

    def refresh(self) -> None:
        """Let go of a key that was retired, by whatever process."""
        known = self._key
        if known is None:
            return
        with self._store.read() as tx:
            newest = newest_key_id(tx.connection)
        if newest != known.key_id:
            with self._lock:
                self._key = None
                self._made.clear()

    def sign(self, desired: Desired, *, org: str, now: datetime) -> Signed:
        """
        The bundle of what a gateway is to run.

        It is the same bytes for `RENEWED_EVERY` or until something changes, whichever replica is asked.
        """
        issued = max(desired.since, _floor(now))
        known: BundleKey = (desired.gateway_id, desired.epoch, issued)
        with self._lock:
            found = self._made.get(known)
        if found is None:
            found = self._sign(_payload(desired, org, issued))
            with self._lock:
                self._made[known] = found
                while len(self._made) > REMEMBERED:
                    self._made.popitem(last=False)
        return found

    def _sign(self, payload: BundlePayload) -> Signed:
        key = self.key()
        signed = sign({**payload}, key.key_id, key.seed)
        bundle: Bundle = {"payload": signed["payload"], "key_id": signed["key_id"], "signature": signed["signature"]}
        return Signed(bundle, f'"{hashlib.sha256(signed["payload"].encode()).hexdigest()}"')


BundleKey = tuple[str, int, datetime]


def _payload(desired: Desired, org: str, issued: datetime) -> BundlePayload:
    return {
        "gateway_id": desired.gateway_id,
        "organisation": org,
        "configuration_id": desired.configuration_id,
        "configuration_version": desired.configuration_version,
        "config_digest": desired.content_digest,
        "policy_yaml": desired.policy_yaml,
        "fail_mode": desired.fail_mode,
        "epoch": desired.epoch,
        "issued_at": rfc3339(issued),
        "not_after": rfc3339(issued + VALID_FOR),
    }


def _floor(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
