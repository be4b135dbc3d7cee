"""
Events of one organisation: append (idempotent by id), find, count, and follow without missing any.

A list goes by id, which sorts by the gateway's time. A follower goes by commit: on PostgreSQL by transaction number
below the horizon (everything below it is decided), because rows of concurrent writers do not become visible in the
order of their numbers; on SQLite, with its one writer, by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)

from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import EVENT, is_id, lowest_id, made_at_ms
from keeptrusts.store.appending import NewEvent, append_missing
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.content_keys import ContentKeys
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.tables import events

EXACT: Final = (
    "verdict", "event_type", "gateway_id", "configuration_id", "model", "provider", "reason_code",
    "user_id", "agent_id",
)  # fmt: skip
"""Filters that are columns."""
SEARCHED: Final = ("id", "request_id", "model", "user_id", "agent_id", "reason_code")
"""What `q` looks into."""
_SHOWN: Final = (events.c.id, events.c.body, events.c.content, events.c.received_at)
_LOOKBACK_DAYS: Final = (1, 10)
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Where a follower is. `xid` is 0 on SQLite, and at most 0 of what was restored from a backup."""

    xid: int
    position: int

    def __str__(self) -> str:
        return f"{self.xid}.{self.position}"

    @classmethod
    def read(cls, text_form: str) -> Cursor | None:
        """None when it is no cursor."""
        xid, _, position = text_form.partition(".")
        digits = xid.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and position.isascii() and position.isdigit()):
            return None
        if max(len(digits), len(position)) > 18:
            return None
        return cls(int(xid), int(position))


START: Final = Cursor(-(2**62), 0)
"""Before every event."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One event on its way to a follower."""

    cursor: Cursor
    event_type: str
    json_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """
    Which events.

    Args:
        exact: Column to value; the columns of `EXACT`.
        policy: A kind that did not simply allow.
        since: Inclusive; `until` is exclusive. Both are of the gateway's clock, to the millisecond.
        search: Any part of an id, model, user, agent or reason; upper and lower case alike.
    """

    exact: Mapping[str, str]
    policy: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None

    def within(self, since: datetime, until: datetime) -> Filters:
        """The same in this window."""
        return replace(self, since=since, until=until)

    def conditions(self) -> list[ColumnElement[bool]]:
        """In terms of the table."""
        found = [events.c[name] == value for name, value in self.exact.items()]
        if self.policy is not None:
            # of most events none acted: those that are left have an index
            found += [
                events.c.acted != literal_column("'|'"),
                events.c.acted.contains(f"|{self.policy}|", autoescape=True),
            ]
        if self.since is not None:
            found.append(events.c.id >= lowest_id(EVENT, _milliseconds(self.since)))
        if self.until is not None:
            found.append(events.c.id < lowest_id(EVENT, _milliseconds(self.until)))
        if self.search is not None:
            found.append(or_(*(events.c[name].icontains(self.search, autoescape=True) for name in SEARCHED)))
        return found


class Events:
    """
    The events of one organisation.

    Args:
        sealer: Opens the keys of contents; without it they are not shown.
    """

    def __init__(self, connection: Connection, org: str, sealer: Sealer | None = None) -> None:
        self._connection = connection
        self._org = org
        self._sealer = sealer

    def append(self, new: Sequence[NewEvent], *, at: datetime) -> set[str]:
        """
        Store those that are not there yet; their ids. No two of `new` have the same id.

        Raises:
            StoreUnavailableError: Nothing was stored; the same batch can be sent again at once.
        """
        return append_missing(self._connection, self._org, new, at)

    def read(self, identifier: str) -> str:
        """
        One event as JSON text.

        Raises:
            NotFoundError: This organisation has no such event.
        """
        row = self._connection.execute(self._shown().where(events.c.id == identifier)).one_or_none()
        if row is None:
            raise NotFoundError("there is no such event")
        return self._texts([row])[0]

    def page(self, filters: Filters, *, before: str | None, limit: int) -> list[tuple[str, str]]:
        """Id and JSON text of each, newest first."""
        query = self._shown().where(*filters.conditions()).order_by(events.c.id.desc())
        found: list[tuple[str, str]] = []
        for lowest in self._lookbacks(filters, before):
            some = query.limit(limit - len(found))
            some = some.where(events.c.id < before) if before else some
            some = some.where(events.c.id >= lowest) if lowest else some
            rows = self._connection.execute(some).all()
            found += zip((row.id for row in rows), self._texts(rows), strict=True)
            if len(found) == limit:
                break
            before = lowest
        return found

    def _lookbacks(self, filters: Filters, before: str | None) -> Iterator[str | None]:
        """
        Ids down to which a page is looked for, one after the other; None: to the end.

        To plan for every partition there is costs more than to read a page: most are full after the newest days.
        """
        if self._connection.dialect.name == "postgresql":
            ends = [made_at_ms(before) if before and is_id(before, EVENT) else _milliseconds(datetime.now(UTC))]
            ends += [_milliseconds(filters.until)] if filters.until else []
            for days in _LOOKBACK_DAYS:
                lowest = min(ends) - days * _DAY_MS
                if lowest < (_milliseconds(filters.since) if filters.since else 0):
                    break
                yield lowest_id(EVENT, lowest)
        yield None

    def count(self, filters: Filters) -> dict[str, int]:
        """Decisions by verdict."""
        query = (
            select(events.c.verdict, func.count())
            .where(events.c.org == self._org, events.c.event_type == "decision", *filters.conditions())
            .group_by(events.c.verdict)
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def now(self) -> Cursor:
        """A cursor behind which lies everything a follower who comes now has not to be told."""
        if self._connection.dialect.name == "postgresql":
            return Cursor(int(self._connection.execute(select(_horizon())).scalar_one()) - 1, 2**62)
        newest = select(func.max(events.c.position))
        return Cursor(0, self._connection.execute(newest).scalar_one() or 0)

    def is_ahead(self, cursor: Cursor) -> bool:
        """Whether no follower of this database can have got there: the cursor is of before a restore."""
        if self._connection.dialect.name == "postgresql":
            return cursor.xid > self.now().xid
        last = text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return cursor > Cursor(0, self._connection.execute(last).scalar_one_or_none() or 0)

    def after(self, cursor: Cursor, filters: Filters, *, limit: int) -> tuple[list[Followed], Cursor]:
        """The next events in the order of their commits, and where to go on."""
        order = tuple_(events.c.xid, events.c.position)
        query = (
            select(events.c.xid, events.c.position, events.c.event_type, *_SHOWN)
            .where(events.c.org == self._org, order > tuple_(cursor.xid, cursor.position), *filters.conditions())
            .order_by(events.c.xid, events.c.position)
            .limit(limit)
        )
        if self._connection.dialect.name == "postgresql":
            query = query.where(events.c.xid < _horizon())
        rows = self._connection.execute(query).all()
        found = [
            Followed(Cursor(row.xid, row.position), row.event_type, json_text)
            for row, json_text in zip(rows, self._texts(rows), strict=True)
        ]
        return found, found[-1].cursor if found else cursor

    def _shown(self) -> Select[Any]:
        return select(*_SHOWN).where(events.c.org == self._org)

    def _texts(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[str]:
        """As the API shows them, with the contents that can be opened."""
        opened = open_contents(self._connection, self._org, rows, self._sealer) if self._sealer else {}
        return [json_text_of(row.body, row.received_at, apart(row.content, opened.get(row.id))) for row in rows]


def _horizon() -> ColumnElement[Any]:
    """The oldest transaction that is still undecided."""
    return literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger)


def open_contents(
    connection: Connection, org: str, rows: Sequence[Row[*tuple[Any, ...]]], sealer: Sealer
) -> dict[str, str]:
    """JSON texts of the contents of these rows, by id; those that have no key any more are not among them."""
    stored = {row.id: row.content for row in rows if row.content}
    return ContentKeys(connection, org).open(stored, sealer) if stored else {}


def apart(stored: str | None, opened: str | None) -> str | None:
    """What is shown of a content: null where it cannot be opened; None of an event that never had one apart."""
    return None if stored is None else opened or "null"


def json_text_of(body: str, received_at: datetime, content: str | None) -> str:
    """
    An event as the API shows it: as it was hashed, then what the hash leaves out, and when it came.

    Args:
        content: JSON text; None: the hash covers it, or there is none.
    """
    shown = "" if content is None else f',"content":{content}'
    return f'{body[:-1]}{shown},"received_at":"{rfc3339(received_at)}"}}'


def ids_of(since: datetime, until: datetime) -> tuple[str, str]:
    """The ids of events from `since`, inclusive, to `until`, exclusive."""
    return lowest_id(EVENT, _milliseconds(since)), lowest_id(EVENT, _milliseconds(until))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
