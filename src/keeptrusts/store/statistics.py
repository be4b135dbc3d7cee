"""
How many decisions of each verdict, without counting rows: by the hour for what is sealed, row by row for the rest.

The sealer adds up what it seals, in the transaction that seals it, so that every event is counted once and ingest pays
nothing. A window's first and last hours, when they are cut, and what is not sealed yet are counted as rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from keeptrusts.core.ids import made_at_ms
from keeptrusts.store.events import Cursor, Events, Filters
from keeptrusts.store.tables import events
from keeptrusts.store.trail_tables import event_hours

DIMENSIONS: Final = ("verdict", "gateway_id", "configuration_id", "model", "provider")
COLUMNS: Final = (events.c.event_type, *(events.c[name] for name in DIMENSIONS))
"""What the sealer reads of each event, besides its id."""
LONGEST_KEY: Final = 120
_HOUR: Final = timedelta(hours=1)
_HOUR_MS: Final = 3_600_000


class Statistics:
    """The counts of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def add(self, sealed: Iterable[Row[Any]]) -> None:
        """Take in the events of a segment; once for each."""
        counts = Counter(
            (made_at_ms(row.id) // _HOUR_MS, *(_key(getattr(row, name) or "") for name in DIMENSIONS))
            for row in sealed
            if row.event_type == "decision"
        )
        names = ("hour", *DIMENSIONS)
        # in one order everywhere, though one sealer works at a time in an organisation
        rows = [
            {"org": self._org, **dict(zip(names, key, strict=True)), "count": counts[key]} for key in sorted(counts)
        ]
        if not rows:
            return
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(event_hours)
        more = event_hours.c["count"] + statement.excluded["count"]
        keys = [event_hours.c[name] for name in ("org", *names)]
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"count": more}), rows)

    def count(self, filters: Filters, since: datetime, until: datetime, sealed: Cursor) -> dict[str, int]:
        """
        Decisions by verdict from `since`, inclusive, to `until`, exclusive.

        Args:
            sealed: The cursor behind the last event that was added.
        """
        first, last = _ceiling(since), _floor(until)
        rows = Events(self._connection, self._org)
        if first >= last or not set(filters.exact) <= {*DIMENSIONS, "event_type"} or filters.policy or filters.search:
            return rows.count(filters.within(since, until))
        found = Counter(rows.count(filters.within(since, first)))
        found.update(rows.count(filters.within(last, until)))
        found.update(self._late(filters.within(first, last), sealed))
        if filters.exact.get("event_type", "decision") == "decision":
            found.update(self._hours(filters.exact, first, last))
        return {verdict: count for verdict, count in found.items() if count}

    def _hours(self, exact: Mapping[str, str], first: datetime, last: datetime) -> dict[str, int]:
        table = event_hours.c
        query = (
            select(table.verdict, func.sum(table["count"]))
            .where(table.org == self._org, table.hour >= _hours(first), table.hour < _hours(last))
            .where(*(table[name] == _key(value) for name, value in exact.items() if name in DIMENSIONS))
            .group_by(table.verdict)
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
