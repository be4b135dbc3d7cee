"""
Escalations: queued, claimed by one person, resolved; or expired, which counts as denied.

An approval is of the bytes that were held, for the request they were held for, and is given out once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection, RowMapping, insert, select, update

from keeptrusts.api.escalations import Escalation, Outcome
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.columns import rfc3339, rfc3339_or_none
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.review_tables import escalations
from keeptrusts.store.sealing import Sealer

USABLE_FOR: Final = timedelta(hours=24)
AGAIN_FOR: Final = timedelta(minutes=10)
"""How long the request that redeemed it may ask once more, when the answer was lost."""
OPEN: Final = ("queued", "claimed")
FILTERS: Final = ("state", "outcome", "gateway_id", "configuration_id", "policy", "assignee", "claimed_by", "user_id")
_TIMES: Final = ("claimed_at", "resolved_at", "due_at", "usable_until", "redeemed_at", "created_at", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEscalation:
    """What a gateway held, and why. `held`: the bytes; `held_digest` is checked by the caller."""

    id: str
    stage: str
    policy: str
    reason_code: str
    message: str
    event_id: str
    gateway_id: str | None
    instance_id: str | None
    configuration_id: str | None
    configuration_version: int | None
    model: str | None
    user_id: str | None
    agent_id: str | None
    key_id: str | None
    request_digest: str
    held_digest: str
    media_type: str
    held: bytes
    assignee: str | None
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides: the name people read, and the key that makes it certain."""

    name: str
    key_id: str
    may_overrule: bool = False


@dataclass(frozen=True, slots=True)
class StoredEscalation:
    """An escalation as the API shows it."""

    shown: Escalation
    revision: int


@dataclass(frozen=True, slots=True)
class Release:
    """What is given out for an approval."""

    stage: str
    policy: str
    media_type: str
    held_digest: str
    held: bytes


class Escalations:
    """The escalations of one organisation."""

    def __init__(self, connection: Connection, org: str, sealer: Sealer) -> None:
        self._connection = connection
        self._org = org
        self._sealer = sealer

    def open(self, new: NewEscalation, *, at: datetime) -> tuple[StoredEscalation, bool]:
        """
        Put it into the queue; whether it is new. The same one again changes nothing.

        Raises:
            ConflictError: Another one has this id.
        """
        found = self._row(new.id, lock=True)
        if found is not None:
            if (found["held_digest"], found["gateway_id"]) != (new.held_digest, new.gateway_id):
                raise ConflictError("another escalation has this id", code="id_taken")
            return _stored(found), False
        row: dict[str, Any] = {one.name: getattr(new, one.name) for one in fields(new)}
        row["held"] = self._sealer.seal(new.held, self._context(new.id))
        row["due_at"] = at + timedelta(seconds=row.pop("timeout_seconds"))
        row |= {"org": self._org, "state": "queued", "revision": 1, "created_at": at, "updated_at": at}
        self._connection.execute(insert(escalations).values(row))
        return self.read(new.id), True

    def read(self, identifier: str) -> StoredEscalation:
        """
        One escalation.

        Raises:
            NotFoundError: This organisation has no such escalation.
        """
        return _stored(self._existing(identifier))

    def page(self, *, before: str | None, limit: int, matching: Mapping[str, str]) -> list[Escalation]:
        """Newest first; `matching`: columns of `FILTERS`."""
        query = select(escalations).where(escalations.c.org == self._org).order_by(escalations.c.id.desc()).limit(limit)
        if before:
            query = query.where(escalations.c.id < before)
        for name, value in matching.items():
            query = query.where(escalations.c[name] == value)
        return [_stored(row).shown for row in self._connection.execute(query).mappings()]

    def held(self, identifier: str) -> Release:
        """
        What is held.

        Raises:
            ConflictError: It was given out, denied, or came to its end.
        """
        row = self._existing(identifier)
        if row["held"] is None:
            raise ConflictError("nothing is held any more: it was given out, denied or expired", code="not_held")
        return self._release(row)

    def claim(self, identifier: str, who: Reviewer, *, at: datetime) -> StoredEscalation:
        """
        Take it on. Claiming twice is no fault.

        Raises:
            ConflictError: Somebody else has it, or it was decided.
        """
        row = self._open_one(identifier, who, at)
        if row["state"] == "claimed" and row["claimed_key"] != who.key_id:
            raise _already_claimed(row)  # who may overrule may give it back first: there is one claimant
        if row["state"] == "claimed":
            return _stored(row)
        values = {"state": "claimed", "claimed_by": who.name, "claimed_key": who.key_id, "claimed_at": at}
        return self._change(row, values, at)

    def unclaim(self, identifier: str, who: Reviewer, *, at: datetime) -> StoredEscalation:
        """
        Give it back to the queue.

        Raises:
            ConflictError: Somebody else has it, or it was decided.
        """
        row = self._open_one(identifier, who, at)
        if row["state"] == "queued":
            return _stored(row)
        return self._change(row, {"state": "queued", "claimed_by": None, "claimed_key": None, "claimed_at": None}, at)

    def resolve(
        self, identifier: str, who: Reviewer, outcome: Outcome, reason: str, *, at: datetime
    ) -> StoredEscalation:
        """
        Decide. What is denied is held no longer.

        Raises:
            ConflictError: Somebody else has it, it was decided, or whoever asked would approve their own request.
        """
        row = self._open_one(identifier, who, at)
        asked = {row["user_id"], row["key_id"]} - {None}
        if outcome == "approved" and asked & {who.name, who.key_id}:
            raise ConflictError("whoever asked cannot approve it; somebody else has to", code="self_approval")
        approved = outcome == "approved"
        values: dict[str, Any] = {
            "state": "resolved",
            "outcome": outcome,
            "reason": reason,
            "resolved_by": who.name,
            "resolved_at": at,
            "usable_until": at + USABLE_FOR if approved else None,
        }
        if row["claimed_by"] is None:
            values |= {"claimed_by": who.name, "claimed_key": who.key_id, "claimed_at": at}
        return self._change(row, values if approved else values | {"held": None}, at)

    def redeem(
        self, identifier: str, *, gateway_id: str | None, request_digest: str, event_id: str, at: datetime
    ) -> tuple[str, Release | None]:
        """
        What was decided, in the words of `api.escalations.Redeemed`; with what is released, once.

        Raises:
            NotFoundError: This gateway has no such escalation.
        """
        row = self._existing(identifier, lock=True)
        if gateway_id is not None and row["gateway_id"] != gateway_id:
            raise NotFoundError("there is no such escalation")
        if row["request_digest"] != request_digest:
            return "mismatch", None
        state = _decided(row, at)
        again = row["redeemed_by"] == event_id and row["held"] is not None and row["usable_until"] > at
        if state != "approved" and not (state == "spent" and again):
            return state, None
        if state == "approved":
            until = min(row["usable_until"], at + AGAIN_FOR)
            self._change(row, {"redeemed_at": at, "redeemed_by": event_id, "usable_until": until}, at)
        return "approved", self._release(row)

    def expire(self, identifier: str, *, at: datetime) -> StoredEscalation | None:
        """Nobody decided in time; None when somebody did after all."""
        row = self._existing(identifier, lock=True)
        if row["state"] not in OPEN or row["due_at"] > at:
            return None
        return self._change(row, {"state": "expired", "outcome": "denied", "held": None}, at)

    def _release(self, row: RowMapping) -> Release:
        held = self._sealer.open(row["held"], self._context(row["id"]))
        if "sha256:" + hashlib.sha256(held).hexdigest() != row["held_digest"]:
            raise ConflictError("what is held is not what was escalated", code="held_digest_mismatch")
        return Release(row["stage"], row["policy"], row["media_type"], row["held_digest"], held)

    def _open_one(self, identifier: str, who: Reviewer, at: datetime) -> RowMapping:
        row = self._existing(identifier, lock=True)
        if row["state"] == "expired" or (row["state"] in OPEN and row["due_at"] <= at):
            told = f"nobody decided until {rfc3339(row['due_at'])}, so it was denied"
            raise ConflictError(told, code="escalation_expired")
        if row["state"] == "resolved":
            told = f"`{row['resolved_by']}` decided it at {rfc3339(row['resolved_at'])}: {row['outcome']}"
            raise ConflictError(told, code="already_resolved")
        if row["state"] == "claimed" and row["claimed_key"] != who.key_id and not who.may_overrule:
            raise _already_claimed(row)
        return row

    def _change(self, row: RowMapping, values: Mapping[str, Any], at: datetime) -> StoredEscalation:
        mine = escalations.c.org == self._org, escalations.c.id == row["id"]
        changed = {**values, "revision": escalations.c.revision + 1, "updated_at": at}
        self._connection.execute(update(escalations).where(*mine).values(changed))
        return self.read(row["id"])

    def _existing(self, identifier: str, *, lock: bool = False) -> RowMapping:
        row = self._row(identifier, lock=lock)
        if row is None:
            raise NotFoundError("there is no such escalation")
        return row

    def _row(self, identifier: str, *, lock: bool) -> RowMapping | None:
        query = select(escalations).where(escalations.c.org == self._org, escalations.c.id == identifier)
        return self._connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()

    def _context(self, identifier: str) -> str:
        return f"escalations/{self._org}/{identifier}"


def overdue(connection: Connection, at: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
    """Organisation and id of those that nobody decided in time."""
    query = select(escalations.c.org, escalations.c.id).where(escalations.c.state.in_(OPEN), escalations.c.due_at <= at)
    return [(row.org, row.id) for row in connection.execute(query.order_by(escalations.c.due_at).limit(limit))]


def let_go(connection: Connection, at: datetime) -> int:
    """Delete what is held for approvals that are past their time; how many."""
    past = escalations.c.held.is_not(None), escalations.c.usable_until <= at
    return connection.execute(update(escalations).where(*past).values(held=None)).rowcount


def any_to_let_go(connection: Connection, at: datetime) -> bool:
    """Whether there is something to delete; reads alone."""
    past = escalations.c.held.is_not(None), escalations.c.usable_until <= at
    return connection.execute(select(escalations.c.id).where(*past).limit(1)).first() is not None


def _decided(row: RowMapping, at: datetime) -> str:
    if row["state"] in OPEN:
        return "expired" if row["due_at"] <= at else "pending"
    if row["state"] == "expired" or row["outcome"] == "denied":
        return "expired" if row["state"] == "expired" else "denied"
    if row["redeemed_at"] is not None:
        return "spent"
    return "expired" if row["usable_until"] <= at else "approved"


def shown_of(row: RowMapping) -> Escalation:
    """A row as the API shows it."""
    ends = {name: rfc3339_or_none(row[name]) for name in _TIMES}
    shown = {name: ends[name] if name in ends else row[name] for name in Escalation.__annotations__}
    return cast("Escalation", shown)


def _already_claimed(row: RowMapping) -> ConflictError:
    told = (
        f"`{row['claimed_by']}` claimed it at {rfc3339(row['claimed_at'])}; they or an admin decide it or give it back"
    )
    return ConflictError(told, code="already_claimed")


def _stored(row: RowMapping) -> StoredEscalation:
    return StoredEscalation(shown_of(row), row["revision"])
