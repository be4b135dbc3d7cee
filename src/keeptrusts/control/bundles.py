"""
What each gateway is to run, remembered until it changes: a poll that finds nothing new costs no query.

Of a bundle its tag is kept, which is what a poll is compared by; of the bundles themselves only the last few hundred:
ten thousand would fill the memory, and each is mostly fetched once. Gateways that are woken by one change ask in the
same moment, and share the queries. `forget` comes from commits of this process at once and from `changing.watch` for
those of others, so what is remembered is never older than what a waiting gateway would be woken for.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, TypeAlias

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.signing import Signed, Signer
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.transaction import Store

REMEMBERED: Final = 20_000
WHOLE: Final = 256
"""Bundles that are kept themselves."""
AT_ONCE: Final = 250
"""Gateways in one query. Each row brings its document, and the first are answered while others are signed."""

_Asked: TypeAlias = dict[str, asyncio.Future["_Answer"]]
_Answer: TypeAlias = "Signed | Exception | None"


class Bundles:
    """Signed bundles by organisation and gateway. Safe to use from any thread, but for `look_up`."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer
        self._known: OrderedDict[tuple[str, str], tuple[date, str]] = OrderedDict()
        self._whole: OrderedDict[tuple[str, str], Signed] = OrderedDict()
        self._forgotten = 0
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def remembered(self, org: str, gateway_id: str) -> str | None:
        """The tag of its bundle, without asking the database; bundles are renewed daily."""
        with self._lock:
            found = self._known.get((org, gateway_id))
        return found[1] if found is not None and found[0] == self._store.clock().date() else None

    async def look_up(self, org: str, gateway_id: str) -> Signed | None:
        """
        From the database, unless it is one of the last; None: it has no configuration. Belongs to one event loop.

        Raises:
            NotFoundError: This organisation has no such gateway.
        """
        if self.remembered(org, gateway_id) is not None and (kept := self._kept(org, gateway_id)) is not None:
            return kept
        asked = self._asked.setdefault(org, {})
        if gateway_id not in asked:
            asked[gateway_id] = asyncio.get_running_loop().create_future()
            if len(asked) == 1:
                task = asyncio.create_task(self._answer(org))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
        # shielded: one that gives up is not to take the answer from the others
        found = await asyncio.shield(asked[gateway_id])
        if isinstance(found, Exception):
            raise found
        return found

    def _kept(self, org: str, gateway_id: str) -> Signed | None:
        with self._lock:
            return self._whole.get((org, gateway_id))

    async def _answer(self, org: str) -> None:
        asked = self._asked.pop(org)
        identifiers = list(asked)
        for start in range(0, len(identifiers), AT_ONCE):
            some = identifiers[start : start + AT_ONCE]
            try:
                found: Mapping[str, _Answer] = await run_in_threadpool(self._load, org, some)
            except Exception as failed:  # noqa: BLE001  whoever asked is told
                found = dict.fromkeys(some, failed)
            for one in some:
                asked[one].set_result(found.get(one, NotFoundError("there is no such gateway")))

    def _load(self, org: str, gateway_ids: Sequence[str]) -> dict[str, _Answer]:
        with self._lock:
            before = self._forgotten
        with self._store.read() as tx:
            desired = Gateways(tx.connection, org).desired(gateway_ids)
            now = tx.now
        found: dict[str, _Answer] = {
            identifier: self._signer.sign(one, org=org, now=now) if one else None for identifier, one in desired.items()
        }
        with self._lock:
            # a change since we looked: what we found may be what was before it
            if before == self._forgotten:
                for identifier, signed in found.items():
                    if isinstance(signed, Signed):
                        self._known[org, identifier] = (now.date(), signed.etag)
                        self._whole[org, identifier] = signed
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
                while len(self._whole) > WHOLE:
                    self._whole.popitem(last=False)
        return found

    def forget(self, *gateway_ids: str) -> None:
        """They changed."""
        gone = set(gateway_ids)
        with self._lock:
            self._forgotten += 1
            for key in [key for key in self._known if key[1] in gone]:
                del self._known[key]
                self._whole.pop(key, None)

    def any_remembered(self) -> bool:
        """Whether somebody has to watch for changes."""
        with self._lock:
            return bool(self._known)
