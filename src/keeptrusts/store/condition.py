"""How the database is: what an operator should know before a server starts on it, and when one is slow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from keeptrusts.store.work_tables import jobs


@dataclass(frozen=True, slots=True)
class Condition:
    """
    Args:
        engine: Its name and version.
        unsafe: Settings under which a commit that was acknowledged may be lost.
        oldest_transaction: Age of the one that has been open longest; events behind it are not followed or sealed.
        overdue: Since when the job that waits longest is due; None: none waits.
    """

    engine: str
    unsafe: tuple[str, ...]
    oldest_transaction: timedelta
    overdue: timedelta | None


def examine(connection: Connection, now: datetime) -> Condition:
    """By one look at it; `now` is the database's clock."""
    due = connection.execute(select(func.min(jobs.c.due_at)).where(jobs.c.due_at <= now)).scalar_one()
    overdue = None if due is None else now - due
    if connection.dialect.name == "sqlite":
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
        return Condition(f"SQLite {version}", (), timedelta(0), overdue)
    version = connection.execute(text("SHOW server_version")).scalar_one()
    age = connection.execute(text(_OLDEST)).scalar_one() or timedelta(0)
    return Condition(f"PostgreSQL {version}", _unsafe(connection), age, overdue)


_OLDEST = (
    "SELECT max(clock_timestamp() - xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _unsafe(connection: Connection) -> tuple[str, ...]:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    found = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in names}
    return tuple(f"{name} = {value}" for name, value in found.items() if value == "off")
