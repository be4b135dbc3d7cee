"""
Deletes events whose time is over row by row, in small batches, and only such as a checkpoint has sealed.

The entries of checkpoints stay: that an event was there, and that it is gone by rule and not by hand, stays provable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, tuple_, update

from keeptrusts.store.content_keys import GONE, ContentKeys
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


def erase(connection: Connection, org: str, whose: ColumnElement[bool], *, limit: int) -> list[str]:
    """Delete up to `limit` events, the oldest first, and the keys of their contents; their ids."""
    some = select(events.c.id).where(events.c.org == org, whose).order_by(events.c.id).limit(limit)
    found = list(connection.execute(some).scalars())
    if found:
        connection.execute(delete(events).where(events.c.org == org, events.c.id.in_(found)))
        ContentKeys(connection, org).destroy(found)
    return found


def erase_contents(connection: Connection, org: str, whose: ColumnElement[bool], *, limit: int) -> list[str]:
    """The same for the contents alone, of events that have one apart: the events stay."""
    there = events.c.content.is_not(None), events.c.content != GONE
    some = select(events.c.id).where(events.c.org == org, whose, *there).order_by(events.c.id).limit(limit)
    found = list(connection.execute(some).scalars())
    if found:
        connection.execute(update(events).where(events.c.org == org, events.c.id.in_(found)).values(content=GONE))
        ContentKeys(connection, org).destroy(found)
    return found


def holds_content() -> ColumnElement[bool]:
    """Events of which the hash covers a content, as gateways wrote them before: it can only go with the event."""
    return and_(events.c.content.is_(None), events.c.body.like('%,"content":{%'))


def _delete(connection: Connection, org: str, conditions: tuple[object, ...], limit: int) -> int:
    if limit <= 0:
        return 0
    some = select(events.c.id).where(events.c.org == org, *conditions).order_by(events.c.id).limit(limit)  # type: ignore[arg-type]
    found = list(connection.execute(some).scalars())
    if found:
        connection.execute(delete(events).where(events.c.org == org, events.c.id.in_(found)))
        ContentKeys(connection, org).destroy(found)
    return len(found)
