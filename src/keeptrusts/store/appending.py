"""
Puts events into their table, by COPY on PostgreSQL where they are new.

COPY costs half of any INSERT, and knows no ON CONFLICT: a batch of which one event is there already fails as a whole.
So it is for events that go on where their chain ends. What may have been sent before is looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from keeptrusts.store.arrays import array_text, unnested
from keeptrusts.store.errors import RepeatedEventError, StoreUnavailableError
from keeptrusts.store.round_trip import RoundTrip
from keeptrusts.store.tables import events

_AT_ONCE = 400  # ids in one SQLite statement


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    An event as it is stored.

    Args:
        acted: Kinds that did not simply allow, as `acted_text` writes them.
        body: Its JSON text, as it is hashed.
        content: What the hash leaves out, encrypted (`store.content_keys`).
    """

    id: str
    event_type: str
    verdict: str
    reason_code: str
    gateway_id: str | None
    instance_id: str
    sequence: int
    configuration_id: str | None
    model: str | None
    provider: str | None
    user_id: str | None
    agent_id: str | None
    request_id: str | None
    acted: str
    body: str
    content: str | None = None


def acted_text(kinds: Iterable[str]) -> str:
    """Kinds as the table has them."""
    return "|" + "".join(f"{kind}|" for kind in kinds)


def append_missing(connection: Connection, org: str, new: Sequence[NewEvent], at: datetime) -> set[str]:
    """See `Events.append`."""
    if not new:
        return set()
    if connection.dialect.name == "postgresql":
        return _insert_missing(connection, _rows(org, new, at))
    there = _there(connection, org, [one.id for one in new])
    missing = [one for one in new if one.id not in there]
    if missing:
        connection.execute(insert(events), _rows(org, missing, at))
    return {one.id for one in missing}


def append_and_end(connection: Connection, org: str, new: Sequence[NewEvent], at: datetime, xid: int) -> None:
    """See `store.intake.end`."""
    try:
        if connection.dialect.name == "postgresql":
            RoundTrip(connection).copy_and_commit(_COPY, _lines(org, new, at, xid))
        elif new:
            connection.execute(insert(events), _rows(org, new, at))
    except IntegrityError as failed:
        _raise_if_elsewhere(failed)
        raise RepeatedEventError("an event of this batch is there already") from None


def _rows(org: str, new: Sequence[NewEvent], at: datetime) -> list[dict[str, Any]]:
    shared = {"org": org, "received_at": at}
    return [shared | msgspec.structs.asdict(one) for one in new]


def _there(connection: Connection, org: str, identifiers: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(identifiers), _AT_ONCE):
        some = identifiers[start : start + _AT_ONCE]
        query = select(events.c.id).where(events.c.org == org, events.c.id.in_(some))
        found.update(connection.execute(query).scalars())
    return found


def _insert_missing(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    columns = {name: array_text(row[name] for row in rows) for name in _COLUMN_TYPES}
    try:
        return set(connection.execute(_INSERT, columns).scalars())
    except IntegrityError as failed:
        _raise_if_elsewhere(failed)
        raise


def _raise_if_elsewhere(failed: IntegrityError) -> None:
    """What waited for the default partition while its day got one of its own is told to go there."""
    if getattr(failed.orig, "sqlstate", None) == "23514":
        raise StoreUnavailableError("a partition was made for these events meanwhile; send them again") from None


def _lines(org: str, new: Sequence[NewEvent], at: datetime, xid: int) -> Iterator[str]:
    shared = f"{org}\t{at.isoformat()}\t{xid}"
    for one in new:
        fields = (
            shared,
            one.id,
            one.event_type,
            one.verdict,
            one.reason_code,
            _NULL if one.gateway_id is None else one.gateway_id,
            one.instance_id,
            str(one.sequence),
            _NULL if one.configuration_id is None else one.configuration_id,
            _NULL if one.model is None else one.model,
            _NULL if one.provider is None else one.provider,
            _NULL if one.user_id is None else one.user_id,
            _NULL if one.agent_id is None else one.agent_id,
            _NULL if one.request_id is None else one.request_id,
            one.acted,
            one.body,
            _NULL if one.content is None else one.content,
        )
        line = "\t".join(fields)
        # most have nothing to escape, and one look at the line is cheaper than one at each field
        if "\\" in line or line.count("\t") != _TABS or "\n" in line or "\r" in line:
            line = "\t".join((shared, *map(_escaped, fields[1:])))
        yield line + "\n"


def _escaped(field: str) -> str:
    if field is _NULL:
        return field
    for character, escape in _ESCAPES:
        if character in field:
            field = field.replace(character, escape)
    return field


_NULL: Final = "\x01N"
"""Told from a text of the same letters by being this very object: in that text the first is escaped."""
_ESCAPES: Final = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\x01", "\\x01"))
_COLUMN_TYPES: Final = {
    "org": "text", "received_at": "timestamptz", "id": "text", "event_type": "text", "verdict": "text",
    "reason_code": "text", "gateway_id": "text", "instance_id": "text", "sequence": "bigint",
    "configuration_id": "text", "model": "text", "provider": "text", "user_id": "text", "agent_id": "text",
    "request_id": "text", "acted": "text", "body": "text",
    "content": "text",
}  # fmt: skip
_TABS: Final = len(_COLUMN_TYPES)

_INSERT: Final = text(
    f"INSERT INTO events ({', '.join(_COLUMN_TYPES)}, xid) "  # noqa: S608  names of ours
    f"SELECT *, pg_current_xact_id()::text::bigint FROM {unnested(_COLUMN_TYPES)} "
    "ON CONFLICT (org, id) DO NOTHING RETURNING id"
)
_COPY: Final = f"COPY events (org, received_at, xid, {', '.join(list(_COLUMN_TYPES)[2:])}) FROM STDIN (NULL E'\\x01N')"
