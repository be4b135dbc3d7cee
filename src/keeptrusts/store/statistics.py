"""
How many decisions of each verdict, without counting rows: by day and hour for what is sealed, row by row for the rest.

The sealer adds up what it seals, in the transaction that seals it, so that every event is counted once and ingest pays
nothing. Of a window, whole days are taken from the counts of days, the whole hours around them from those of hours. Its
first and last hours, when they are cut, and what is not sealed yet are counted as rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Table, TextClause, delete, func, insert, select, text, tuple_
from sqlalchemy.dialects import sqlite

from keeptrusts.core.ids import made_at_ms
from keeptrusts.store.arrays import array_text, unnested
from keeptrusts.store.events import Cursor, Events, Filters
from keeptrusts.store.tables import events
from keeptrusts.store.trail_tables import event_days, event_hours

DIMENSIONS: Final = ("verdict", "gateway_id", "configuration_id", "model", "provider")
COLUMNS: Final = (events.c.event_type, *(events.c[name] for name in DIMENSIONS))
"""What the sealer reads of each event, besides its id."""
LONGEST_KEY: Final = 120
_HOUR: Final = timedelta(hours=1)
_HOUR_MS: Final = 3_600_000
_HOURS_OF_DAY: Final = 24
_TIMES: Final = {event_hours: "hour", event_days: "day"}


def _add_rows(table: Table) -> sqlite.Insert:
    statement = sqlite.insert(table)
    more = table.c["count"] + statement.excluded["count"]
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_={"count": more})


def _add_arrays(table: Table) -> TextClause:
    kinds = {"org": "text", _TIMES[table]: "integer", **dict.fromkeys(DIMENSIONS, "text"), "count": "bigint"}
    *keys, _ = names = table.c.keys()
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {unnested(kinds)} "  # noqa: S608  names of ours
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET count = {table.name}.count + excluded.count"
    )


_ADD_ROWS: Final = {table: _add_rows(table) for table in _TIMES}
_ADD_ARRAYS: Final = {table: _add_arrays(table) for table in _TIMES}


class _Key(NamedTuple):
    """What is counted together: of one hour or day, and alike in each of `DIMENSIONS`."""

    time: int
    verdict: str
    gateway_id: str
    configuration_id: str
    model: str
    provider: str


class Statistics:
    """The counts of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def add(self, sealed: Iterable[Row[Any]]) -> None:
        """Take in the events of a segment; once for each."""
        hours = Counter(
            _Key(made_at_ms(row.id) // _HOUR_MS, *(_key(getattr(row, name) or "") for name in DIMENSIONS))
            for row in sealed
            if row.event_type == "decision"
        )
        days = Counter[_Key]()
        for key, count in hours.items():
            days[key._replace(time=key.time // _HOURS_OF_DAY)] += count
        self._add(event_hours, hours)
        self._add(event_days, days)

    def make_days(self) -> None:
        """Count the days anew, from the hours: an earlier version has sealed and left them out."""
        hours = event_hours.c
        day, dimensions = hours.hour // _HOURS_OF_DAY, [hours[name] for name in DIMENSIONS]
        made = select(hours.org, day, *dimensions, func.sum(hours["count"])).where(hours.org == self._org)
        self._connection.execute(delete(event_days).where(event_days.c.org == self._org))
        into = insert(event_days).from_select(list(event_days.c), made.group_by(hours.org, day, *dimensions))
        self._connection.execute(into)

    def count(
        self, filters: Filters, since: datetime, until: datetime, sealed: Cursor, *, by_day: bool
    ) -> dict[str, int]:
        """
        Decisions by verdict from `since`, inclusive, to `until`, exclusive.

        Args:
            sealed: The cursor behind the last event that was added.
            by_day: Whether the counts of days have what those of hours have.
        """
        first, last = _ceiling(since), _floor(until)
        rows = Events(self._connection, self._org)
        if first >= last or not set(filters.exact) <= {*DIMENSIONS, "event_type"} or filters.policy or filters.search:
            return rows.count(filters.within(since, until))
        found = Counter(rows.count(filters.within(since, first)))
        found.update(rows.count(filters.within(last, until)))
        found.update(self._late(filters.within(first, last), sealed))
        if filters.exact.get("event_type", "decision") == "decision":
            for table, start, end in _pieces(_hours(first), _hours(last), by_day=by_day):
                found.update(self._added(table, filters.exact, start, end))
        return {verdict: count for verdict, count in found.items() if count}

    def _add(self, table: Table, counts: Mapping[_Key, int]) -> None:
        if not counts:
            return
        # in one order everywhere, though one sealer works at a time in an organisation
        rows = [(self._org, *key, counts[key]) for key in sorted(counts)]
        names = table.c.keys()
        if self._connection.dialect.name == "postgresql":
            columns = zip(names, zip(*rows, strict=True), strict=True)
            given = {name: array_text(values) for name, values in columns}
            self._connection.execute(_ADD_ARRAYS[table], given)
        else:
            self._connection.execute(_ADD_ROWS[table], [dict(zip(names, row, strict=True)) for row in rows])

    def _added(self, table: Table, exact: Mapping[str, str], start: int, end: int) -> dict[str, int]:
        """Of the hours or days from `start`, inclusive, to `end`, exclusive."""
        time = table.c[_TIMES[table]]
        query = (
            select(table.c.verdict, func.sum(table.c["count"]))
            .where(table.c.org == self._org, time >= start, time < end)
            .where(*(table.c[name] == _key(value) for name, value in exact.items() if name in DIMENSIONS))
            .group_by(table.c.verdict)
        )
        return {row[0]: int(row[1]) for row in self._connection.execute(query)}

    def _late(self, filters: Filters, sealed: Cursor) -> dict[str, int]:
        """What was not sealed yet."""
        order = tuple_(events.c.xid, events.c.position)
        query = (
            select(events.c.verdict, func.count())
            .where(events.c.org == self._org, order > tuple_(sealed.xid, sealed.position))
            .where(events.c.event_type == "decision", *filters.conditions())
            .group_by(events.c.verdict)
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}


def _pieces(first: int, last: int, *, by_day: bool) -> Iterator[tuple[Table, int, int]]:
    """Where to take the hours from `first` to `last` from, each once."""
    start, end = -(-first // _HOURS_OF_DAY), last // _HOURS_OF_DAY
    if not by_day or start >= end:
        yield event_hours, first, last
        return
    yield event_days, start, end
    for begin, behind in ((first, start * _HOURS_OF_DAY), (end * _HOURS_OF_DAY, last)):
        if begin < behind:
            yield event_hours, begin, behind


def _key(value: str) -> str:
    """The value, or a name for it: PostgreSQL indexes no more than 2.7 kB in all, and callers choose models."""
    encoded = value.encode()
    return value if len(encoded) <= LONGEST_KEY else f"#{hashlib.sha256(encoded).hexdigest()}"


def _hours(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _ceiling(moment: datetime) -> datetime:
    floor = _floor(moment)
    return floor if floor == moment else floor + _HOUR
