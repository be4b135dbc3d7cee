"""Ships what is durable here to the control plane, at least once, for as long as it takes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from keeptrusts.api.limits import MAX_EVENTS_IN_BATCH
from keeptrusts.core.errors import ApiError
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.recovery import is_admitted
from keeptrusts.gateway.segments import Stored, first_sequence, read_segment, segments
from keeptrusts.gateway.spool import Spool

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
GATHER_SECONDS: Final = 0.1
_TRY_AGAIN: Final = frozenset({0, 401, 403, 404, 408, 409, 425, 429})
_log = logging.getLogger(__name__)


class Shipper:
    """
    Reads the spool from its cursor on.

    Args:
        directory: Of the spool.
    """

    def __init__(self, spool: Spool, directory: Path, api: ControlPlane) -> None:
        self._spool = spool
        self._directory = directory
        self._api = api
        self._at_most = MAX_EVENTS_IN_BATCH
        self._more = asyncio.Event()
        self._failing = False
        self._places: dict[int, tuple[Path, Stored]] = {}
        """Where the records before the next batch and at its end lie."""
        spool.on_durable = self._more.set

    async def run(self) -> None:
        """Ship; never returns."""
        backoff = Backoff()
        while True:
            self._more.clear()
            if self._spool.head.sequence <= self._spool.shipped:
                await self._more.wait()
                await asyncio.sleep(GATHER_SECONDS)
            if await self._try():
                backoff.reset()
            else:
                await backoff.wait()

    async def flush(self) -> None:
        """Ship what is there; returns when all of it is, or at the first failure."""
        while self._spool.head.sequence > self._spool.shipped:
            if not await self._try():
                return

    async def _try(self) -> bool:
        batch = await asyncio.to_thread(self._next_batch)
        if not batch:
            return False
        await self._admit_before(batch[0].sequence)
        try:
            await self._ship(batch)
        except ApiError as failed:
            if failed.status in _TRY_AGAIN or failed.status >= 500:
                self._say(failed)
                return False
            await self._divide(batch, failed)
        if self._failing:
            self._failing = False
            _log.info("events are shipped again")
        return True

    async def _admit_before(self, sequence: int) -> None:
        """Records between the cursor and the batch cannot be read: that must stand in the chain."""
        first = self._spool.shipped + 1
        if first < sequence and not await asyncio.to_thread(is_admitted, self._directory, first, sequence - 1):
            _log.error("records in the spool are damaged", extra={"from_sequence": first, "to_sequence": sequence - 1})
            await self._spool.admit(first, sequence - 1, "spool_corrupt")

    async def _ship(self, batch: list[Stored]) -> None:
        body = b'{"events":[%b]}' % b",".join(stored.payload for stored in batch)
        receipt = (await self._api.post("/v1/gateway/events", body)).json()
        known = len(receipt.get("accepted", ())) + len(receipt.get("duplicates", ()))
        rejected = receipt.get("rejected", ())
        if known + len(rejected) != len(batch):
            raise ApiError("the receipt does not account for every event", code="garbled_answer", status=500)
        for one in rejected:
            _log.error(
                "the control plane rejected an event", extra={"event_id": one.get("id"), "code": one.get("code")}
            )
        self._at_most = min(self._at_most * 2, MAX_EVENTS_IN_BATCH)
        await self._spool.mark_shipped(batch[-1].sequence)

    async def _divide(self, batch: list[Stored], refused: ApiError) -> None:
        """The batch as such was refused: send half of it, down to the one event that is at fault, and go past that."""
        if len(batch) > 1:
            self._at_most = len(batch) // 2
            return
        event_id = json.loads(batch[0].payload).get("id")
        _log.error("an event cannot be shipped", extra={"event_id": event_id, "code": refused.code})
        await self._spool.mark_shipped(batch[0].sequence)

    def _say(self, failed: ApiError) -> None:
        if not self._failing:
            self._failing = True
            waiting = self._spool.head.sequence - self._spool.shipped
            shown = {"reason": str(failed), "code": failed.code, "status": failed.status, "waiting": waiting}
            _log.warning("events cannot be shipped; they wait in the spool", extra=shown)

    def _next_batch(self) -> list[Stored]:
        head, cursor = self._spool.head.sequence, self._spool.shipped
        batch: list[Stored] = []
        size = 0
        segment = Path()
        for path, stored in self._after(cursor):
            size += len(stored.payload)
            if stored.sequence > head or len(batch) >= self._at_most or (batch and size > MAX_BATCH_BYTES):
                break
            if batch and stored.sequence != batch[-1].sequence + 1:
                break
            batch.append(stored)
            segment = path
        if batch:
            here = {sequence: place for sequence, place in self._places.items() if sequence == cursor}
            self._places = {**here, batch[-1].sequence: (segment, replace(batch[-1], payload=b""))}
        return batch

    def _after(self, sequence: int) -> Iterator[tuple[Path, Stored]]:
        present = segments(self._directory)
        place = self._places.get(sequence)
        if place is not None and place[0] in present:
            path, behind = place
            yield from ((path, stored) for stored in read_segment(path, behind))
            present = present[present.index(path) + 1 :]
        holding = [path for path in present if first_sequence(path) <= sequence + 1]
        for path in [*holding[-1:], *present[len(holding) :]]:
            yield from ((path, stored) for stored in read_segment(path) if stored.sequence > sequence)
