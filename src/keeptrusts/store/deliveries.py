"""
From the outbox to the endpoints: a message becomes one delivery for each webhook that wants it, in one transaction.

A delivery is pending until an attempt succeeds or none is left. The job that stands for a webhook (`store.jobs`) is due
when its next pending delivery is. Whoever locks both the webhook's row and its job locks the webhook first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, true, update

from keeptrusts.api.event_types import wants
from keeptrusts.api.webhooks import Delivery, Message
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import DELIVERY, make_id
from keeptrusts.store.columns import rfc3339, rfc3339_or_none
from keeptrusts.store.jobs import DELIVERIES, Jobs
from keeptrusts.store.tables import messages
from keeptrusts.store.transaction import insert_unless_there, new_id
from keeptrusts.store.work_tables import deliveries, webhooks

TEST_TYPE: Final = "webhook.test"


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come. `attempts` were made before this one."""

    id: str
    attempts: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    How an attempt ended that did not succeed.

    Args:
        next_at: When it is tried again; None after the last attempt.
        disable: Why the webhook is to be switched off; None: it is not.
    """

    status: int | None
    error: str | None
    next_at: datetime | None
    disable: str | None


class Deliveries:
    """The deliveries of one webhook of one organisation."""

    def __init__(self, connection: Connection, org: str, webhook_id: str) -> None:
        self._connection = connection
        self._org = org
        self._webhook_id = webhook_id

    def page(self, *, before: str | None, limit: int, state: str | None = None) -> list[Delivery]:
        """Newest first."""
        query = select(deliveries).where(*self._mine()).order_by(deliveries.c.id.desc()).limit(limit)
        if before:
            query = query.where(deliveries.c.id < before)
        if state:
            query = query.where(deliveries.c.state == state)
        return [_shown(row) for row in self._connection.execute(query).mappings()]

    def read(self, identifier: str) -> Delivery:
        """
        One delivery.

        Raises:
            NotFoundError: This webhook has no such delivery.
        """
        query = select(deliveries).where(*self._mine(), deliveries.c.id == identifier)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("this webhook has no such delivery")
        return _shown(row)

    def add(self, event_type: str, data: dict[str, Any], *, at: datetime) -> Delivery:
        """One message to this webhook alone."""
        row = _row(self._org, self._webhook_id, event_type, data, created_at=at, due=at)
        self._connection.execute(insert(deliveries).values(row))
        Jobs(self._connection, DELIVERIES).enqueue(self._webhook_id, self._org, due=at)
        return self.read(row["id"])

    def send_again(self, identifier: str, *, at: datetime) -> Delivery:
        """From the first attempt, under the same id: a receiver that had it can tell."""
        self.read(identifier)
        fresh = {"state": "pending", "attempts": 0, "next_attempt_at": at, "delivered_at": None}
        self._connection.execute(update(deliveries).where(*self._mine(), deliveries.c.id == identifier).values(fresh))
        Jobs(self._connection, DELIVERIES).enqueue(self._webhook_id, self._org, due=at)
        return self.read(identifier)

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (deliveries.c.org == self._org, deliveries.c.webhook_id == self._webhook_id)


def fan_out(connection: Connection, now: datetime, *, limit: int) -> int:
    """Turn up to `limit` messages into deliveries, in the order they were published; how many there were."""
    some = select(messages).order_by(messages.c.id).limit(limit).with_for_update(skip_locked=True)
    told = connection.execute(some).mappings().all()
    if told:
        deliver(connection, told, now)
        forget_messages(connection, [one["id"] for one in told])
    return len(told)


def oldest_messages(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Of the outbox beside the events, for whoever carries them over with `deliver` and `forget_messages`."""
    return connection.execute(select(messages).order_by(messages.c.id).limit(limit)).mappings().all()


def forget_messages(connection: Connection, identifiers: Sequence[str]) -> None:
    """They have become deliveries."""
    connection.execute(delete(messages).where(messages.c.id.in_(identifiers)))


def deliver(connection: Connection, told: Sequence[RowMapping], now: datetime) -> None:
    """Make the deliveries of these messages, each once, however often it is asked for."""
    wanting = _wanting(connection, sorted({one["org"] for one in told}))
    rows = [
        _row(one["org"], hook, one["type"], one["data"], created_at=one["created_at"], due=now) | {"id": identifier}
        for one in told
        for hook, identifier in _places(one, wanting)
    ]
    if rows:
        connection.execute(insert_unless_there(connection, deliveries), rows)
        jobs = Jobs(connection, DELIVERIES)
        # in one order everywhere, so that two workers never wait for each other
        for webhook_id, org in sorted({(row["webhook_id"], row["org"]) for row in rows}):
            jobs.enqueue(webhook_id, org, due=now)


def _places(told: RowMapping, wanting: Sequence[RowMapping]) -> Iterator[tuple[str, str]]:
    """
    The webhooks that want a message, and the id of the delivery to each.

    It is made of the message's, so that a message that is carried over twice becomes one delivery, and sorts like it:
    12 of the 16 bytes are the message's time and count.
    """
    taken: set[bytes] = set()
    stem = bytes.fromhex(told["id"].partition("_")[2])
    for hook in sorted((one for one in wanting if one["org"] == told["org"]), key=lambda one: str(one["id"])):
        tail = hashlib.sha256(stem + hook["id"].encode()).digest()[:4]
        while tail in taken:
            tail = hashlib.sha256(tail).digest()[:4]
        taken.add(tail)
        if wants(hook["event_types"], told["type"]):
            yield hook["id"], make_id(DELIVERY, stem[:12] + tail)


def any_message(connection: Connection) -> bool:
    """Whether there is something to fan out; reads alone."""
    return connection.execute(select(messages.c.id).limit(1)).first() is not None


def next_due(connection: Connection, webhook_id: str, now: datetime, *, active: bool, limit: int) -> list[Due]:
    """Those whose time came first. A webhook that is switched off still gets what tests it."""
    query = (
        select(deliveries)
        .where(*_pending(webhook_id, active=active), deliveries.c.next_attempt_at <= now)
        .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
        .limit(limit)
    )
    return [_due(row) for row in connection.execute(query).mappings()]


def earliest(connection: Connection, webhook_id: str, *, active: bool) -> datetime | None:
    """When the next attempt is due; None: nothing is pending."""
    query = select(func.min(deliveries.c.next_attempt_at)).where(*_pending(webhook_id, active=active))
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def note_delivered(connection: Connection, webhook_id: str, told: Iterable[tuple[str, int]], *, at: datetime) -> None:
    """These arrived, each with the status it was answered by: one statement for all that are alike."""
    by_status: dict[int, list[str]] = {}
    for identifier, status in told:
        by_status.setdefault(status, []).append(identifier)
    for status, identifiers in by_status.items():
        values = {
            "state": "delivered",
            "attempts": deliveries.c.attempts + 1,
            "next_attempt_at": None,
            "last_status": status,
            "last_error": None,
            "delivered_at": at,
        }
        connection.execute(update(deliveries).where(deliveries.c.id.in_(identifiers)).values(values))
    failed = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.failing_since.is_not(None))
    connection.execute(failed.values(failing_since=None))


def note_failed(connection: Connection, due: Due, webhook_id: str, attempt: Failure, *, at: datetime) -> None:
    """Write down that it did not arrive, and what that means for the webhook."""
    values = {
        "state": "dead" if attempt.next_at is None else "pending",
        "attempts": due.attempts + 1,
        "next_attempt_at": attempt.next_at,
        "last_status": attempt.status,
        "last_error": attempt.error,
        "delivered_at": None,
    }
    connection.execute(update(deliveries).where(deliveries.c.id == due.id).values(values))
    mine = update(webhooks).where(webhooks.c.id == webhook_id)
    connection.execute(mine.where(webhooks.c.failing_since.is_(None)).values(failing_since=at))
    if attempt.disable is not None:
        off = {"active": False, "disabled_reason": attempt.disable, "revision": webhooks.c.revision + 1}
        connection.execute(mine.where(webhooks.c.active).values({**off, "updated_at": at}))


def forget(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` deliveries that came to an end and are older than `before`; how many."""
    some = (
        select(deliveries.c.id)
        .where(deliveries.c.created_at < before, deliveries.c.state != "pending")
        .order_by(deliveries.c.created_at)
        .limit(limit)
    )
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(some))).rowcount


def _wanting(connection: Connection, orgs: Sequence[str]) -> Sequence[RowMapping]:
    query = select(webhooks.c.id, webhooks.c.org, webhooks.c.event_types)
    # nobody deletes one of them before its deliveries are there
    query = query.where(webhooks.c.org.in_(orgs), webhooks.c.active).with_for_update(read=True, key_share=True)
    return connection.execute(query).mappings().all()


def _pending(webhook_id: str, *, active: bool) -> tuple[ColumnElement[bool], ...]:
    testing = true() if active else deliveries.c.event_type == TEST_TYPE
    return (deliveries.c.webhook_id == webhook_id, deliveries.c.state == "pending", testing)


def _row(
    org: str, webhook_id: str, event_type: str, data: Any, *, created_at: datetime, due: datetime
) -> dict[str, Any]:
    return {
        "id": new_id(DELIVERY),
        "org": org,
        "webhook_id": webhook_id,
        "event_type": event_type,
        "data": data,
        "state": "pending",
        "attempts": 0,
        "next_attempt_at": due,
        "created_at": created_at,
    }


def _due(row: RowMapping) -> Due:
    message: Message = {"type": row["event_type"], "timestamp": rfc3339(row["created_at"]), "data": row["data"]}
    return Due(row["id"], row["attempts"], message)


def _shown(row: RowMapping) -> Delivery:
    return {
        "id": row["id"],
        "webhook_id": row["webhook_id"],
        "event_type": row["event_type"],
        "state": row["state"],
        "attempts": row["attempts"],
        "next_attempt_at": rfc3339_or_none(row["next_attempt_at"]),
        "last_status": row["last_status"],
        "last_error": row["last_error"],
        "created_at": rfc3339(row["created_at"]),
        "delivered_at": rfc3339_or_none(row["delivered_at"]),
    }
