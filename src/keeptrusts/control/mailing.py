"""
The postman: tells whoever is to decide about an escalation, by e-mail, when the operator named a mail server.

A letter is written down in the transaction that takes the escalation in, and is tried until the mail server takes it,
the escalation is no longer in the queue, or its time is over. At least once: a process that dies after the server took
it sends it again under the same `Message-ID`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from anyio import to_thread

from keeptrusts.api.escalations import Escalation
from keeptrusts.control import smtp
from keeptrusts.control.crew import Clock, Crew, Queue
from keeptrusts.control.letters import is_address, write_letter
from keeptrusts.control.schedule import wait_after
from keeptrusts.control.services import Services
from keeptrusts.control.smtp import MailError, MailServer
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.audit import AuditLog, AuditRecord
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.escalations import Escalations
from keeptrusts.store.jobs import LETTERS, Jobs, Lease
from keeptrusts.store.letters import Letter, add_letter, drop_letter, note_attempt, read_letter
from keeptrusts.store.transaction import Tx

log = logging.getLogger("keeptrusts.control")

TOPIC: Final = "letters"
WIDTH: Final = 8
"""Letters that are sent at the same time."""
LEASE_FOR: Final = timedelta(seconds=10 * smtp.TIMEOUT_S)


def tell_assignee(tx: Tx, services: Services, org: str, escalation: Escalation) -> None:
    """Have a letter sent, if somebody is named by an address and a mail server is known."""
    assignee = escalation["assignee"]
    if services.settings.mail_server is None or assignee is None or not is_address(assignee):
        return
    add_letter(tx.connection, org, escalation["id"], assignee, at=tx.database_now())
    tx.after_commit(lambda: services.hub.wake(TOPIC))


class Postman:
    """
    One worker; several may run.

    Args:
        clock: The database's time, unless a test brings another.
        chance: From 0 to 1, for the jitter.
    """

    def __init__(
        self,
        services: Services,
        server: MailServer,
        *,
        clock: Clock = Tx.database_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._services = services
        self._server = server
        self._store = services.store
        self._clock = clock
        self._chance = chance
        queue = Queue(
            name=LETTERS, topic=TOPIC, width=WIDTH, lease_for=LEASE_FOR, serve=self._serve, hand_back=self._hand_back
        )
        self.crew = Crew(services.store, services.hub, clock, queue)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await self.crew.run()
        finally:
            await self.crew.close()

    async def _serve(self, lease: Lease) -> None:
        # a stop does not wait for a mail server that hangs
        await to_thread.run_sync(self._deliver, lease, abandon_on_cancel=True)

    def _deliver(self, lease: Lease) -> None:
        found = self._open(lease)
        if found is None:
            self._end(lease)
            return
        letter, escalation = found
        message = write_letter(
            escalation,
            letter_id=letter.id,
            sender=self._server.sender,
            recipient=letter.recipient,
            at=letter.created_at,
        )
        try:
            smtp.send(self._server, message)
        except MailError as failed:
            self._note(lease, letter, escalation, failed)
        else:
            self._end(lease)

    def _open(self, lease: Lease) -> tuple[Letter, Escalation] | None:
        """None: there is nobody left to tell."""
        with self._store.read() as tx:
            letter = read_letter(tx.connection, lease.id)
            if letter is None:
                return None
            try:
                shown = Escalations(tx.connection, letter.org, self._services.sealer).read(letter.escalation_id).shown
            except NotFoundError:
                return None
            waits = shown["state"] == "queued" and shown["due_at"] > rfc3339(self._clock(tx))
        return (letter, shown) if waits else None

    def _note(self, lease: Lease, letter: Letter, escalation: Escalation, failed: MailError) -> None:
        with self._store.write() as tx:
            jobs, now = Jobs(tx.connection, LETTERS), self._clock(tx)
            jobs.renew(lease, now, LEASE_FOR)
            wait = None if failed.final else wait_after(letter.attempts + 1, chance=self._chance())
            again = wait is not None and rfc3339(now + wait) < escalation["due_at"]
            if wait is not None and again:
                note_attempt(tx.connection, letter.id)
                jobs.put_back(lease, due=now + wait)
            else:
                drop_letter(tx.connection, letter.id)
                AuditLog(tx.connection, letter.org).append(
                    AuditRecord.of_system("escalation.mail_failed", "escalation", letter.escalation_id), at=now
                )
                jobs.finish(lease)
        fields = {"escalation_id": letter.escalation_id, "reason": str(failed), "attempt": letter.attempts + 1}
        log.warning("an e-mail was not sent", extra={"fields": {**fields, "again": again}})

    def _end(self, lease: Lease) -> None:
        with self._store.write() as tx:
            Jobs(tx.connection, LETTERS).finish(lease)
            drop_letter(tx.connection, lease.id)

    def _hand_back(self, lease: Lease) -> None:
        """A thread sends it still, and ends it: let the lease run out."""


async def tell_assignees(services: Services) -> None:
    """The worker."""
    if services.settings.mail_server is None:
        await asyncio.Event().wait()
        return
    await Postman(services, services.settings.mail_server).run()
