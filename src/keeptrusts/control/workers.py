"""
What runs beside the requests, in the same process: each worker is a coroutine that lives as long as the server.

A worker that raises is logged and started again after a pause; the server goes on. While the database is away, they
wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control import changing, checkpointing, fleet, idempotency, overdue, retaining
from keeptrusts.control.delivering import deliver_webhooks
from keeptrusts.control.exporting import write_exports
from keeptrusts.control.mailing import tell_assignees
from keeptrusts.control.middleware import describe
from keeptrusts.control.outages import Outage
from keeptrusts.control.services import Services
from keeptrusts.store.errors import StoreUnavailableError

log = logging.getLogger("keeptrusts.control")

Worker: TypeAlias = Callable[[Services], Awaitable[None]]
PAUSE_S: Final = 2.0
FLUSH_S: Final = 5.0
SWEEP_S: Final = 3600.0


async def note_key_use(services: Services) -> None:
    """Write when keys were last used, every few seconds, and read what has become of them."""
    while True:
        await asyncio.sleep(FLUSH_S)
        await run_in_threadpool(services.credentials.flush)
        await run_in_threadpool(services.credentials.refresh)


async def forget_old_answers(services: Services) -> None:
    """Drop the kept answers of idempotent requests that are past their 24 h."""
    while True:
        await run_in_threadpool(idempotency.sweep, services.store)
        await asyncio.sleep(SWEEP_S)


WORKERS: Final[tuple[Worker, ...]] = (
    note_key_use,
    forget_old_answers,
    changing.watch,
    fleet.watch,
    overdue.watch,
    checkpointing.watch,
    retaining.watch,
    deliver_webhooks,
    write_exports,
    tell_assignees,
)
"""Every worker; a part of the control plane that needs one adds it here."""


async def keep_alive(worker: Worker, services: Services, outage: Outage) -> None:
    """Run one worker for ever."""
    while True:
        try:
            await worker(services)
        except Exception as bug:  # noqa: BLE001  one worker's bug may not stop the others
            if _is_away(bug):
                await outage.sit_out()
                continue
            name = getattr(worker, "__name__", "worker")
            log.error(  # noqa: TRY400  the traceback quotes values
                "worker failed", extra={"fields": {"worker": name, **describe(bug)}}
            )
        await asyncio.sleep(PAUSE_S)


def _is_away(bug: Exception) -> bool:
    """Whether it is the database alone, also to a worker of several tasks."""
    if isinstance(bug, ExceptionGroup):
        return all(_is_away(one) for one in bug.exceptions)
    return isinstance(bug, StoreUnavailableError)


def start(services: Services, workers: Sequence[Worker]) -> list[asyncio.Task[None]]:
    """One task for each."""
    outage = Outage(services.store)
    return [asyncio.create_task(keep_alive(worker, services, outage)) for worker in workers]


async def stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End them all and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
