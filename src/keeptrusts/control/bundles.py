"""
What each gateway is to run, remembered until it changes: a poll that finds nothing new costs no query.

`forget` comes from commits of this process at once and from `changing.watch` for those of others, so what is
remembered is never older than what a waiting gateway would be woken for.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date

from keeptrusts.control.signing import Signed, Signer
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.transaction import Store

REMEMBERED = 20_000


class Bundles:
    """Signed bundles by organisation and gateway. Safe to use from any thread."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer
        self._known: OrderedDict[tuple[str, str], tuple[date, Signed]] = OrderedDict()
        self._forgotten = 0
        self._lock = threading.Lock()

    def remembered(self, org: str, gateway_id: str) -> Signed | None:
        """Without asking the database; bundles are renewed daily."""
        with self._lock:
            found = self._known.get((org, gateway_id))
        return found[1] if found is not None and found[0] == self._store.clock().date() else None

    def load(self, org: str, gateway_id: str) -> Signed | None:
        """
        From the database; None: it has no configuration.

        Raises:
            NotFoundError: This organisation has no such gateway.
        """
        with self._lock:
            before = self._forgotten
        with self._store.read() as tx:
            desired = Gateways(tx.connection, org).desired(gateway_id)
            now = tx.now
        if desired is None:
            return None
        signed = self._signer.sign(desired, org=org, now=now)
        with self._lock:
            # a change since we looked: what we found may be what was before it
            if before == self._forgotten:
                self._known[org, gateway_id] = (now.date(), signed)
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return signed

    def forget(self, *gateway_ids: str) -> None:
        """They changed."""
        gone = set(gateway_ids)
        with self._lock:
            self._forgotten += 1
            for key in [key for key in self._known if key[1] in gone]:
                del self._known[key]

    def any_remembered(self) -> bool:
        """Whether somebody has to watch for changes."""
        with self._lock:
            return bool(self._known)
