"""
Who presents a token: looked up by its id, compared by its hash, remembered for a moment.

A key revoked through this process is refused at once; one revoked through another replica, after `TTL_S` at most.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import datetime

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from keeptrusts.store.keys import Credential, find_credentials, touch
from keeptrusts.store.transaction import Store

TTL_S = 15.0
REMEMBERED = 20_000
AT_ONCE = 500
IDLE_S = 120.0
"""A key that nobody uses is forgotten after this."""
GATEWAY_FACTOR = 10
SWEPT_EVERY_S = 60.0


class Counters(MemoryStorage):
    """
    Counts in memory, swept now and then by whoever comes by.

    The library's own starts a thread for a sweep after each request, at most every 10 ms, which walks over the counts
    of every key: with ten thousand gateways a processor does nothing else.
    """

    _swept_at = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802  the library's name
        now = time.monotonic()
        if now - self._swept_at > SWEPT_EVERY_S:
            self._swept_at = now
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


class Credentials:
    """Checks of keys, their rates, and when each was last used. Safe to use from any thread."""

    def __init__(self, store: Store, *, requests_per_minute: int) -> None:
        self._store = store
        self._seen: OrderedDict[str, tuple[float, Credential]] = OrderedDict()
        self._used: dict[str, datetime] = {}
        self._last_used: dict[str, float] = {}
        self._forgotten = 0
        self._lock = threading.Lock()
        self._limiter = SlidingWindowCounterRateLimiter(Counters())
        self._limits = {
            "key": RateLimitItemPerMinute(requests_per_minute),
            "gw": RateLimitItemPerMinute(requests_per_minute * GATEWAY_FACTOR),
        }

    def remembered(self, key_id: str) -> Credential | None:
        """Without asking the database."""
        with self._lock:
            found = self._seen.get(key_id)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1]

    def look_up(self, key_id: str) -> Credential | None:
        """From the database. Unknown ids are not remembered: nobody fills the memory with them."""
        with self._store.read() as tx:
            credential = find_credentials(tx.connection, [key_id]).get(key_id)
        if credential is not None:
            with self._lock:
                self._seen[key_id] = (time.monotonic() + TTL_S, credential)
                self._seen.move_to_end(key_id)
                while len(self._seen) > REMEMBERED:
                    self._last_used.pop(self._seen.popitem(last=False)[0], None)
        return credential

    def refresh(self) -> None:
        """
        Look up at once all that are remembered, before each is looked up by itself.

        A gateway asks every 30 s and a key is remembered for less: each poll would cost a query otherwise.
        """
        with self._lock:
            before, remembered = self._forgotten, list(self._seen)
        until = time.monotonic() + TTL_S
        for start in range(0, len(remembered), AT_ONCE):
            some = remembered[start : start + AT_ONCE]
            with self._store.read() as tx:
                found = find_credentials(tx.connection, some)
            with self._lock:
                if before != self._forgotten:
                    return  # what was found may be what was before the change
                for key_id in some:
                    self._renew(key_id, found.get(key_id), until)

    def _renew(self, key_id: str, credential: Credential | None, until: float) -> None:
        known = self._seen.get(key_id)
        used = self._last_used.get(key_id, 0.0)
        if known is None:
            return
        if credential is None or used < time.monotonic() - IDLE_S:
            del self._seen[key_id]
            self._last_used.pop(key_id, None)
        else:
            self._seen[key_id] = (until, credential)

    def forget(self, *key_ids: str) -> None:
        """They changed."""
        with self._lock:
            self._forgotten += 1
            for key_id in key_ids:
                self._seen.pop(key_id, None)

    def note_use(self, key_id: str, at: datetime) -> None:
        """Written by `flush`, not for each request."""
        with self._lock:
            self._used[key_id] = at
            self._last_used[key_id] = time.monotonic()

    def flush(self) -> None:
        """Write the times of last use that gathered."""
        with self._lock:
            used, self._used = self._used, {}
        if used:
            with self._store.write() as tx:
                touch(tx.connection, used)

    def take(self, credential: Credential) -> tuple[bool, dict[str, str]]:
        """One request out of what the key may make, and the `RateLimit-*` headers that say what is left."""
        limit = self._limits[credential.kind]
        granted = self._limiter.hit(limit, credential.id)
        window = self._limiter.get_window_stats(limit, credential.id)
        wait = max(1, round(window.reset_time - time.time()))
        headers = {
            "RateLimit-Limit": str(limit.amount),
            "RateLimit-Remaining": str(window.remaining),
            "RateLimit-Reset": str(wait),
        }
        return granted, headers if granted else {**headers, "Retry-After": str(wait)}
