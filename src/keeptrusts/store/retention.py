"""
Deletes events whose time is over row by row, in small batches, and only such as a checkpoint has sealed.

The entries of checkpoints stay: that an event was there, and that it is gone by rule and not by hand, stays provable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, tuple_

from keeptrusts.store.events import Cursor, ids_of
from keeptrusts.store.tables import configurations, events


def documents(connection: Connection, org: str) -> dict[str, str]:
    """The current document of each configuration of an organisation."""
    query = select(configurations.c.id, configurations.c.policy_yaml).where(configurations.c.org == org)
    return {row.id: row.policy_yaml for row in connection.execute(query)}


def bound(before: datetime) -> str:
    """The lowest id of an event that is not older than this."""
    return ids_of(before, before)[0]


def forget(
    connection: Connection, org: str, bounds: Mapping[str, str], otherwise: str, sealed: Cursor, *, limit: int
) -> int:
    """
    Delete up to `limit` events that are past their time; how many.

    Args:
        bounds: Configuration to the lowest id that is kept.
        otherwise: The same for events of no configuration, or of one that is gone.
        sealed: Nothing behind this cursor is deleted.
    """
    done = tuple_(events.c.xid, events.c.position) <= tuple_(sealed.xid, sealed.position)
    left = limit
    for configuration, lowest in bounds.items():
        mine = events.c.configuration_id == configuration, events.c.id < lowest
        left -= _delete(connection, org, (*mine, done), left)
    unknown = or_(events.c.configuration_id.is_(None), events.c.configuration_id.not_in(list(bounds)))
    left -= _delete(connection, org, (unknown, events.c.id < otherwise, done), left)
    return limit - left


def erase(connection: Connection, org: str, user_id: str, *, limit: int) -> list[str]:
    """Delete up to `limit` events of a user, the oldest first; their ids."""
    mine = events.c.org == org, events.c.user_id == user_id
    found = list(connection.execute(select(events.c.id).where(*mine).order_by(events.c.id).limit(limit)).scalars())
    if found:
        connection.execute(delete(events).where(events.c.org == org, events.c.id.in_(found)))
    return found


def _delete(connection: Connection, org: str, conditions: tuple[object, ...], limit: int) -> int:
    if limit <= 0:
        return 0
    some = select(events.c.id).where(events.c.org == org, *conditions).order_by(events.c.id).limit(limit)  # type: ignore[arg-type]
    found = list(connection.execute(some).scalars())
    if found:
        connection.execute(delete(events).where(events.c.org == org, events.c.id.in_(found)))
    return len(found)
