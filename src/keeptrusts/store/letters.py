"""E-mails that are still to be sent; the job that stands for one has its id (`store.jobs`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from keeptrusts.core.ids import LETTER
from keeptrusts.store.jobs import LETTERS, Jobs
from keeptrusts.store.review_tables import letters
from keeptrusts.store.transaction import new_id


@dataclass(frozen=True, slots=True)
class Letter:
    """`attempts` were made."""

    id: str
    org: str
    escalation_id: str
    recipient: str
    attempts: int
    created_at: datetime


def add_letter(connection: Connection, org: str, escalation_id: str, recipient: str, *, at: datetime) -> str:
    """Have one sent, if and when this transaction commits; its id."""
    identifier = new_id(LETTER)
    row = {"id": identifier, "org": org, "escalation_id": escalation_id, "recipient": recipient}
    connection.execute(insert(letters).values(row | {"attempts": 0, "created_at": at}))
    Jobs(connection, LETTERS).enqueue(identifier, org, due=at)
    return identifier


def read_letter(connection: Connection, identifier: str) -> Letter | None:
    """None: it was sent, or given up."""
    row = connection.execute(select(letters).where(letters.c.id == identifier)).mappings().one_or_none()
    return None if row is None else Letter(**row)


def note_attempt(connection: Connection, identifier: str) -> None:
    """One more that did not go well."""
    counted = {"attempts": letters.c.attempts + 1}
    connection.execute(update(letters).where(letters.c.id == identifier).values(counted))


def drop_letter(connection: Connection, identifier: str) -> None:
    """It was sent, or is not sent any more."""
    connection.execute(delete(letters).where(letters.c.id == identifier))
