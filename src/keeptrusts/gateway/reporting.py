"""Tells the control plane what this instance runs, every half minute and after each activation."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from keeptrusts.core.errors import ApiError
from keeptrusts.core.version import VERSION
from keeptrusts.gateway.active import Active, Holder
from keeptrusts.gateway.control_plane import ControlPlane
from keeptrusts.gateway.responses import rfc3339
from keeptrusts.gateway.spool import Spool
from keeptrusts.gateway.witness import Witness

EVERY_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


class Reporter:
    """
    Args:
        gateway_id: Asked for each report: the first bundle may tell it.
        witness: Keeps what the answers show of the trail.
    """

    def __init__(
        self,
        api: ControlPlane,
        holder: Holder,
        spool: Spool,
        gateway_id: Callable[[], str | None],
        witness: Witness | None = None,
    ) -> None:
        self._api = api
        self._holder = holder
        self._spool = spool
        self._gateway_id = gateway_id
        self._witness = witness
        self._changed = asyncio.Event()
        self._failing = False

    def activated(self, active: Active) -> None:
        """Report soon."""
        del active
        self._changed.set()

    async def run(self) -> None:
        """Report; never returns."""
        while True:
            self._changed.clear()
            await self.report()
            try:
                await asyncio.wait_for(self._changed.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue

    async def report(self) -> None:
        """Once; a failure is logged when it begins."""
        try:
            answer = (await self._api.post("/v1/gateway/status", json.dumps(self._status()).encode())).json()
            if self._failing:
                self._failing = False
                _log.info("the status is reported again")
            if self._witness is not None:
                now = rfc3339(time.time_ns() // 1000)
                await asyncio.to_thread(self._witness.note, answer.get("trail_head"), now)
        except ApiError as failed:
            if not self._failing:
                _log.warning("the status cannot be reported", extra={"reason": str(failed), "status": failed.status})
            self._failing = True

    def _status(self) -> dict[str, Any]:
        """An `api.runtime.StatusReport`."""
        active, head = self._holder.active, self._spool.head
        return {
            "instance_id": self._spool.instance_id,
            "version": VERSION,
            "active_digest": active.digest if active else None,
            "epoch": active.epoch if active else None,
            "last_error": self._holder.last_error,
            "degraded": not self._spool.has_room,
            "head_sequence": head.sequence,
            "head_hash": head.hash,
            "gateway_id": self._gateway_id(),
        }
