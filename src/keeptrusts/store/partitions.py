"""
The daily partitions of events on PostgreSQL: made ahead of time, and dropped whole when nothing in them is kept.

A partition holds the ids of one UTC day, so an event that is sent again always meets itself. What has no partition, of
a clock that is far off or of a day that was dropped, lies in the default one. `events_before` is what an installation
had before it had partitions. Several replicas may work here at once: one does, the others wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

from keeptrusts.core.ids import made_at_ms
from keeptrusts.store.content_keys import destroy_within
from keeptrusts.store.events import Cursor, ids_of

DAYS_AHEAD: Final = 3
_DAY: Final = timedelta(days=1)
_LOCK: Final = 0x6B74_7061_7274  # "ktpart"
_DEFAULT: Final = "events_default"
_PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"
"""What waits for a partition has everybody behind it wait; the next round tries again."""

_BOUNDS: Final = text(
    "SELECT c.relname, substring(pg_get_expr(c.relpartbound, c.oid) FROM $$TO \\('([a-z0-9_]+)'\\)$$) "
    "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass"
)


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one organisation and configuration in a partition."""

    org: str
    configuration_id: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What is kept of an organisation.

    Args:
        bounds: Configuration to the lowest id that is kept.
        otherwise: The same for events of no configuration, or of one that is gone.
        sealed: What lies behind this cursor is kept.
    """

    bounds: Mapping[str, str]
    otherwise: str
    sealed: Cursor

    def lowest(self, configuration_id: str | None) -> str:
        """The lowest id that is kept of this configuration."""
        return self.otherwise if configuration_id is None else self.bounds.get(configuration_id, self.otherwise)


def are_there(connection: Connection) -> bool:
    """Whether this database has partitions."""
    return connection.dialect.name == "postgresql"


def make_ahead(connection: Connection, today: date) -> list[str]:
    """The partitions from today on that were missing; their names."""
    return make(connection, (today + number * _DAY for number in range(DAYS_AHEAD + 1)))


def make(connection: Connection, days: Iterable[date]) -> list[str]:
    """Those of these days that are missing and that no other partition holds; their names."""
    if not are_there(connection):
        return []
    wanted = sorted(set(days))
    if not any(_missing(connection, wanted)):
        return []
    _work_alone(connection)
    made = [_name(day) for day in _missing(connection, wanted)]
    for day in list(_missing(connection, wanted)):
        _make(connection, day)
    return made


def days_of(identifiers: Iterable[str]) -> set[date]:
    """The days of these events, but not what cannot be a day of ours."""
    stamps = {made_at_ms(one) // 86_400_000 for one in identifiers}
    return {datetime.fromtimestamp(one * 86_400, UTC).date() for one in stamps if 10_000 < one < 60_000}


def drop_past(connection: Connection, kept: Mapping[str, Kept], highest: str) -> set[str] | None:
    """
    Drop the oldest partition of which nothing is kept any more.

    Args:
        kept: Of each organisation that there is; of others everything is kept.
        highest: A partition that ends above this id is not looked at.

    Returns:
        The organisations that had events in it; None: there is no such partition.
    """
    for name, upper in _ended(connection, highest):
        if _groups_past(connection, name, upper, kept) is None:
            continue
        _work_alone(connection)
        connection.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        # again, now that nothing can come in
        groups = _groups_past(connection, name, upper, kept)
        if groups is not None:
            connection.execute(text(f"DROP TABLE {name}"))
            destroy_within(connection, _lower(name), upper)
            return {one.org for one in groups}
    return None


def _ended(connection: Connection, highest: str) -> list[tuple[str, str]]:
    """Partitions that end at `highest` or below, and their ends; the oldest first."""
    if not are_there(connection):
        return []
    found = [(row[0], row[1]) for row in connection.execute(_BOUNDS) if row[1] and row[1] <= highest]
    return sorted(found, key=lambda one: one[1])


def _groups_past(connection: Connection, name: str, upper: str, kept: Mapping[str, Kept]) -> set[Group] | None:
    """What is in this partition, when none of it is kept; else None."""
    found: set[Group] = set()
    for org in _distinct(connection, name, "org", {}):
        if org not in kept or _unsealed(connection, name, org, kept[org].sealed):
            return None
        configurations: list[str | None] = list(_distinct(connection, name, "configuration_id", {"org": org}))
        nobodys = f"SELECT 1 FROM {name} WHERE org = :org AND configuration_id IS NULL LIMIT 1"  # noqa: S608
        if connection.execute(text(nobodys), {"org": org}).first() is not None:
            configurations.append(None)
        if any(kept[org].lowest(one) < upper for one in configurations):
            return None
        found |= {Group(org, one) for one in configurations}
    return found


def _distinct(connection: Connection, table: str, column: str, where: Mapping[str, str]) -> Iterator[str]:
    """The values of a column that an index has behind `where`, without a walk over the rows: a step for each value."""
    matching = "".join(f" AND {one} = :{one}" for one in where)
    after = ""
    while True:
        step = (
            f"SELECT {column} FROM {table} WHERE {column} > :after{matching} "  # noqa: S608  names of ours
            f"ORDER BY {column} LIMIT 1"
        )
        found = connection.execute(text(step), {"after": after, **where}).scalar()
        if found is None:
            return
        after = found
        yield after


def _unsealed(connection: Connection, name: str, org: str, sealed: Cursor) -> bool:
    query = f"SELECT 1 FROM {name} WHERE org = :org AND (xid, position) > (:xid, :position) LIMIT 1"  # noqa: S608
    given = {"org": org, "xid": sealed.xid, "position": sealed.position}
    return connection.execute(text(query), given).first() is not None


def _missing(connection: Connection, days: Iterable[date]) -> Iterator[date]:
    found = {row[0]: row[1] for row in connection.execute(_BOUNDS)}
    before = found.get("events_before") or ""
    return (one for one in days if _name(one) not in found and _bounds(one)[0] >= before)


def _make(connection: Connection, day: date) -> None:
    name, (lower, upper) = _name(day), _bounds(day)
    connection.execute(text(f"CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS)"))
    # attached rather than made in its place: others go on writing to the other days
    connection.execute(text("LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE"))
    connection.execute(text(f"LOCK TABLE {_DEFAULT} IN ACCESS EXCLUSIVE MODE"))
    columns = ", ".join(_columns(connection))
    moved = (
        f"WITH moved AS (DELETE FROM {_DEFAULT} WHERE id >= :lower AND id < :upper RETURNING {columns}) "  # noqa: S608
        f"INSERT INTO {name} ({columns}) SELECT {columns} FROM moved"
    )
    connection.execute(text(moved), {"lower": lower, "upper": upper})
    connection.execute(text(f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{lower}') TO ('{upper}')"))


def _columns(connection: Connection) -> list[Any]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'events'::regclass AND attnum > 0 AND NOT attisdropped"
    return list(connection.execute(text(query)).scalars())


def _work_alone(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text(_PATIENCE))


def _name(day: date) -> str:
    return f"events_{day:%Y%m%d}"


def _lower(name: str) -> str:
    """The lowest id that this partition can hold."""
    day = name.removeprefix("events_")
    return _bounds(date.fromisoformat(day))[0] if day.isdecimal() else ""


def _bounds(day: date) -> tuple[str, str]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return ids_of(start, start + _DAY)
