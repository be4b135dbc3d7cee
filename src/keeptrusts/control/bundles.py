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
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.signing import Signed, Signer, sign_bundle
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.gateways import Desired, Gateways
from keeptrusts.store.signing_keys import SigningKey
from keeptrusts.store.transaction import Store

REMEMBERED: Final = 20_000
WHOLE: Final = 256
"""Bundles that are kept themselves."""
AT_ONCE: Final = 250
"""Gateways in one query."""
SIGNING_S: Final = 0.003
"""Signing gives way to other requests after this long."""

_Asked: TypeAlias = dict[str, asyncio.Future["_Answer"]]
_Answer: TypeAlias = "Signed | Exception | None"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a bundle; `on`: it is renewed daily."""

    org: str
    on: date
    tag: str
    epoch: int


@dataclass(slots=True)
class _Found:
    """What a query found. `changed`: gateways that were forgotten since it began, of which it may not be remembered."""

    changed: set[str] = field(default_factory=set)
    desired: Mapping[str, Desired | None] = field(default_factory=dict)
    now: datetime | None = None


class Bundles:
    """Signed bundles by organisation and gateway. Safe to use from any thread, but for what is a coroutine."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._whole: OrderedDict[tuple[str, str], Signed] = OrderedDict()
        self._under_way: list[_Found] = []
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def remembered(self, org: str, gateway_id: str) -> str | None:
        """The tag of its bundle, without asking the database; bundles are renewed daily."""
        with self._lock:
            found = self._known.get(gateway_id)
        if found is None or found.org != org or found.on != self._store.clock().date():
            return None
        return found.tag

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

    def answering(self) -> set[asyncio.Task[None]]:
        """What those who have asked wait for."""
        return set(self._answering)

    def _kept(self, org: str, gateway_id: str) -> Signed | None:
        with self._lock:
            return self._whole.get((org, gateway_id))

    async def _answer(self, org: str) -> None:
        asked = self._asked.pop(org)
        identifiers = list(asked)
        for start in range(0, len(identifiers), AT_ONCE):
            some = {one: asked[one] for one in identifiers[start : start + AT_ONCE]}
            looking = _Found()
            with self._lock:
                self._under_way.append(looking)
            try:
                key = await run_in_threadpool(self._load, org, list(some), looking)
                await self._sign(org, some, looking, key)
            except Exception as failed:  # noqa: BLE001  whoever asked is told
                for waiting in some.values():
                    if not waiting.done():
                        waiting.set_result(failed)
            finally:
                with self._lock:
                    self._under_way.remove(looking)

    def _load(self, org: str, gateway_ids: Sequence[str], looking: _Found) -> SigningKey:
        with self._store.read() as tx:
            looking.desired = Gateways(tx.connection, org).desired(gateway_ids)
            looking.now = tx.now
        return self._signer.key()

    async def _sign(self, org: str, asked: _Asked, looking: _Found, key: SigningKey) -> None:
        """
        Here and not in a thread: signing holds the interpreter, and the requests that are answered meanwhile would have
        to wait for their turn each time.
        """
        assert looking.now is not None
        until = time.monotonic() + SIGNING_S
        for identifier, waiting in asked.items():
            if identifier not in looking.desired:
                waiting.set_result(NotFoundError("there is no such gateway"))
                continue
            desired = looking.desired[identifier]
            signed = None if desired is None else sign_bundle(desired, key, org=org, now=looking.now)
            if signed is not None:
                self._remember(org, identifier, signed, looking)
            waiting.set_result(signed)
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + SIGNING_S

    def _remember(self, org: str, identifier: str, signed: Signed, looking: _Found) -> None:
        assert looking.now is not None
        with self._lock:
            if identifier in looking.changed:
                return
            self._known[identifier] = _Known(org, looking.now.date(), signed.etag, signed.epoch)
            self._whole[org, identifier] = signed
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            while len(self._whole) > WHOLE:
                self._whole.popitem(last=False)

    def forget(self, *gateway_ids: str) -> None:
        """They changed."""
        gone = set(gateway_ids)
        with self._lock:
            for looking in self._under_way:
                looking.changed |= gone
            for one in gone:
                if (known := self._known.pop(one, None)) is not None:
                    self._whole.pop((known.org, one), None)

    def epochs(self, gateway_ids: Iterable[str]) -> dict[str, int]:
        """Of those that are remembered."""
        with self._lock:
            return {one: self._known[one].epoch for one in gateway_ids if one in self._known}

    def any_remembered(self) -> bool:
        """Whether somebody has to watch for changes."""
        with self._lock:
            return bool(self._known)
