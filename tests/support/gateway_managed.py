"""The parts of a gateway that speak with a control plane, on a loop of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.bundles import Bundles, BundleSettings
from keeptrusts.gateway.control_plane import ControlPlane
from keeptrusts.gateway.reporting import Reporter
from keeptrusts.gateway.shipping import Shipper
from keeptrusts.gateway.spool import Spool
from keeptrusts.gateway.upstream import Pool
from support.gateway_control import FakeControlPlane
from support.gateway_parts import open_journal

GATEWAY_ID = "gw_" + "1" * 32


def now() -> datetime:
    return datetime.now(UTC)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true in 5 seconds")


@dataclass
class Managed:
    bundles: Bundles
    holder: Holder
    spool: Spool
    shipper: Shipper
    reporter: Reporter

    @property
    def active(self) -> str | None:
        return self.holder.active.snapshot.policy.name if self.holder.active else None


@asynccontextmanager
async def managed(
    plane: FakeControlPlane,
    directory: Path,
    *,
    token: str | None = None,
    gateway_id: str | None = None,
    instance_id: str = "",
) -> AsyncIterator[Managed]:
    """The parts of a gateway that speak with the control plane."""
    pool, holder = Pool(), Holder()
    spool = Spool(open_journal(directory, segment_bytes=4000))
    api = ControlPlane(pool, plane.url, token or plane.token, gateway_id)
    settings = BundleSettings(
        directory,
        gateway_id,
        None,
        lambda policy, payload: Snapshot(policy=policy, gateway_id=payload["gateway_id"]),
        now,
        instance_id=instance_id,
    )
    bundles = Bundles(api, holder, settings)
    shipper = Shipper(spool, directory, api)
    made = Managed(bundles, holder, spool, shipper, Reporter(api, holder, spool, lambda: bundles.gateway_id))
    try:
        yield made
    finally:
        await spool.close()
        pool.close()
