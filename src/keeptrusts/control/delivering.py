"""
The courier: takes messages from the outbox to the endpoints of webhooks.

One job stands for one webhook. Whoever holds it sends that webhook's deliveries one after the other, so that they
arrive in order, and no endpoint waits for another. They are read and written down some at a time, and what was sent is
written in the transaction that renews the lease; when the process dies in between, it is sent again under the same id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.crew import Clock, Crew, Queue
from keeptrusts.control.formats import guess_format, write_body
from keeptrusts.control.resting import Resting
from keeptrusts.control.schedule import read_retry_after, wait_after
from keeptrusts.control.sending import TIMEOUT_S, Answer, Sender
from keeptrusts.control.services import Services
from keeptrusts.control.signatures import signed_headers
from keeptrusts.core.version import VERSION
from keeptrusts.store.audit import AuditLog, AuditRecord
from keeptrusts.store.deliveries import (
    Due,
    Failure,
    any_message,
    deliver,
    earliest,
    fan_out,
    forget,
    forget_messages,
    next_due,
    note_delivered,
    note_failed,
    oldest_messages,
)
from keeptrusts.store.jobs import DELIVERIES, Jobs, Lease, LeaseLostError
from keeptrusts.store.transaction import Tx
from keeptrusts.store.webhooks import Endpoint, hold_webhook, read_endpoint

TOPIC: Final = "outbox"
LEASE_FOR: Final = timedelta(seconds=3 * TIMEOUT_S)
WIDTH: Final = 256
"""Endpoints that are served at the same time."""
FANNED_AT_ONCE: Final = 200
IN_A_ROW: Final = 100
"""Deliveries after which an endpoint lets others have its place."""
ROUND: Final = 32
"""Deliveries that are read together."""
ROUND_S: Final = 1.0
"""After this long what was sent is written down, and the webhook read anew."""
DISABLED_AFTER: Final = timedelta(days=5)
KEPT_FOR: Final = timedelta(days=30)
SWEEP_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _Round:
    """Attempts that are to be made, in this order."""

    endpoint: Endpoint
    due: Sequence[Due]


class Courier:
    """
    One worker; several may run, in one process or many. Use it as an async context.

    Args:
        clock: The time that decides what is due: the database's, unless a test brings another.
        chance: From 0 to 1, for the jitter.
    """

    def __init__(
        self,
        services: Services,
        *,
        clock: Clock = Tx.database_now,
        chance: Callable[[], float] = random.random,
        sender: Sender | None = None,
        lease_for: timedelta = LEASE_FOR,
    ) -> None:
        self._services = services
        self._store = services.store
        self._clock = clock
        self._chance = chance
        self._sender = sender or Sender(services.outbound)
        self._lease_for = lease_for
        self._resting = Resting()
        queue = Queue(
            name=DELIVERIES,
            topic=TOPIC,
            width=WIDTH,
            lease_for=lease_for,
            serve=self._serve,
            hand_back=self._put_back,
        )
        self.crew = Crew(services.store, services.hub, clock, queue)

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        at: TracebackType | None) -> None:  # fmt: skip
        await self.crew.close()
        await self._sender.__aexit__(kind, error, at)

    async def run(self) -> None:
        """Serve until cancelled."""
        hub = self._services.hub
        self._store.on_publish = self._store.events.on_publish = lambda: hub.wake(TOPIC)
        await self.crew.run(prepare=self.fan_out)

    async def fan_out(self) -> None:
        """Turn what was published into deliveries."""
        while await run_in_threadpool(self._fan_out) == FANNED_AT_ONCE:
            pass
        while self._store.apart and await run_in_threadpool(self._carry_over) == FANNED_AT_ONCE:
            pass

    async def settle(self) -> None:
        """Do everything that is due now, and wait until it is done."""
        await self.fan_out()
        await self.crew.settle()

    async def sweep(self) -> None:
        """Forget, once an hour, what came to an end long ago."""
        while True:
            while await run_in_threadpool(self._forget):  # noqa: ASYNC110  it waits for nothing; it makes room
                await asyncio.sleep(0.1)
            await asyncio.sleep(SWEEP_S)

    async def _serve(self, lease: Lease) -> None:
        left = IN_A_ROW
        while left > 0:
            some = await run_in_threadpool(self._next, lease, min(left, ROUND))
            if not some.due:
                break
            left -= await self._make(some, lease)
        await run_in_threadpool(self._put_back, lease)

    async def _make(self, some: _Round, lease: Lease) -> int:
        """Make the attempts up to the first that fails; how many. What was sent is written down also when it is cut."""
        answers: list[Answer] = []
        ends = time.monotonic() + ROUND_S
        try:
            for due in some.due:
                answers.append(await self._send(some.endpoint, due))
                if not answers[-1].delivered or time.monotonic() >= ends:
                    break
        finally:
            if answers:
                await run_in_threadpool(self._note, lease, some, answers)
        return len(answers)

    async def _send(self, endpoint: Endpoint, due: Due) -> Answer:
        body = write_body(endpoint.format, due.message, message_id=due.id, org=endpoint.org)
        headers = {
            "user-agent": f"keeptrusts/{VERSION}",
            **endpoint.headers,
            "content-type": body.media_type,
            "content-length": str(len(body.content)),
            **signed_headers(endpoint.keys, due.id, body.content, self._store.clock()),
        }
        return await self._sender.post(endpoint.url, headers, body.content)

    def _fan_out(self) -> int:
        with self._store.read() as tx:
            if not any_message(tx.connection):
                return 0
        with self._store.write() as tx:
            return fan_out(tx.connection, self._clock(tx), limit=FANNED_AT_ONCE)

    def _carry_over(self) -> int:
        """
        The same from the outbox beside the events.

        What is cut short between the two commits is done again, and finds its deliveries there.
        """
        with self._store.events.read() as tx:
            told = oldest_messages(tx.connection, limit=FANNED_AT_ONCE)
        if told:
            with self._store.write() as tx:
                deliver(tx.connection, told, self._clock(tx))
            with self._store.events.write() as tx:
                forget_messages(tx.connection, [one["id"] for one in told])
        return len(told)

    def _next(self, lease: Lease, limit: int) -> _Round:
        with self._store.read() as tx:
            now = self._clock(tx)
            endpoint = read_endpoint(tx.connection, self._services.sealer, guess_format, lease.id, now=now)
            if endpoint is None:
                raise LeaseLostError("the webhook was deleted")
            if self._resting.until(lease.id, endpoint.url, now) is not None:
                return _Round(endpoint, [])
            due = next_due(tx.connection, lease.id, now, active=endpoint.active, limit=limit)
        return _Round(endpoint, due)

    def _note(self, lease: Lease, some: _Round, answers: Sequence[Answer]) -> None:
        made = list(zip(some.due, answers, strict=False))
        arrived = [(due.id, answer.status) for due, answer in made if answer.delivered and answer.status is not None]
        with self._store.write() as tx:
            hold_webhook(tx.connection, lease.id)
            now = self._clock(tx)
            Jobs(tx.connection, DELIVERIES).renew(lease, now, self._lease_for)
            if arrived:
                note_delivered(tx.connection, lease.id, arrived, at=now)
            if len(arrived) == len(made):
                return
            due, answer = made[-1]
            since = None if arrived else some.endpoint.failing_since
            if asked := read_retry_after(answer.retry_after, now):
                self._resting.begin(lease.id, some.endpoint.url, asked, now)
            failure = self._judge(due, answer, since or now, now)
            note_failed(tx.connection, due, lease.id, failure, at=now)
            if failure.disable is not None and some.endpoint.active:
                AuditLog(tx.connection, lease.org).append(
                    AuditRecord.of_system("webhook.disable", "webhook", lease.id), at=now
                )

    def _judge(self, due: Due, answer: Answer, since: datetime, now: datetime) -> Failure:
        """What follows from an attempt that failed; `since` when every attempt has."""
        asked = read_retry_after(answer.retry_after, now)
        wait = wait_after(due.attempts + 1, chance=self._chance(), retry_after=asked)
        disable = None
        if answer.gone:
            disable = "the endpoint answered 410: it wants nothing any more"
        elif now - since >= DISABLED_AFTER:
            disable = f"every attempt failed for {DISABLED_AFTER.days} days"
        return Failure(
            status=answer.status,
            error=answer.error,
            next_at=None if answer.gone or wait is None else now + wait,
            disable=disable,
        )

    def _put_back(self, lease: Lease) -> None:
        with self._store.write() as tx:
            jobs = Jobs(tx.connection, DELIVERIES)
            now = self._clock(tx)
            # holding the job's row, so that a delivery added meanwhile is either seen here or puts the job back itself
            jobs.renew(lease, now, self._lease_for)
            endpoint = read_endpoint(tx.connection, self._services.sealer, guess_format, lease.id, now=now)
            due = earliest(tx.connection, lease.id, active=endpoint is not None and endpoint.active)
            if due is None or endpoint is None:
                jobs.finish(lease)
            else:
                jobs.put_back(lease, due=max(due, self._resting.until(lease.id, endpoint.url, now) or due))

    def _forget(self) -> int:
        with self._store.write() as tx:
            return forget(tx.connection, self._clock(tx) - KEPT_FOR, limit=1000)


async def deliver_webhooks(services: Services) -> None:
    """The worker."""
    async with Courier(services) as courier, asyncio.TaskGroup() as group:
        group.create_task(courier.run())
        group.create_task(courier.sweep())
