"""
Events in a database of their own: what lies there, and how it is made sure that the two belong together.

Both databases have every table; which of them is used where is settled by `EVENTS`. A server that was started without
the other database, or with that of another installation, would show no event and seal into the wrong trail: the two
have one row in common that says they are a pair, and a server refuses anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from sqlalchemy import Connection, insert, select

from keeptrusts.store.engine import hold_alone, open_engine
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.tables import events, events_apart
from keeptrusts.store.trail_tables import checkpoints
from keeptrusts.store.transaction import Store, Tx, new_id

EVENTS: Final = frozenset({
    "events", "content_keys", "event_quarantine", "chain_heads", "chain_breaks", "checkpoints", "event_hours",
    "event_days",
})  # fmt: skip
"""Tables that lie beside the events. `messages` is an outbox in either."""
PAIR: Final = "pair"
_APART: Final = "the events of this database are in one of their own; give its `--events-dsn`"
_STRANGE: Final = "the database of `--events-dsn` is not the one that belongs to this database"


def open_store(url: str, events_dsn: str | None) -> Store:
    """
    What the URLs name. Nothing is connected yet.

    Raises:
        InputError: One of them cannot be read.
    """
    return Store(open_engine(url), events=Store(open_engine(events_dsn)) if events_dsn else None)


def databases_of(store: Store) -> list[Store]:
    """The one, or the two."""
    return [store, store.events] if store.apart else [store]


@contextmanager
def hold_all(store: Store) -> Iterator[None]:
    """
    Keep other servers off those that are SQLite.

    Raises:
        StoreUnavailableError: Another server has one.
    """
    with ExitStack() as held:
        for each in databases_of(store):
            held.enter_context(hold_alone(each.engine))
        yield


def pair(store: Store) -> None:
    """
    Make sure that events are where they have been; a new installation decides it by its first start.

    Raises:
        StoreUnavailableError: They are elsewhere, or the other database is of another installation.
    """
    with store.write() as tx:
        known = _known(tx.connection)
        if not store.apart:
            if known is not None:
                raise _refused(_APART)
            return
        if known is None:
            if _filled(tx.connection):
                raise _refused(
                    "this database holds events itself; move them with `kt server backup` and `kt server restore`, "
                    "or leave `--events-dsn` out"
                )
            known = new_id(PAIR)
            with store.events.read() as other:
                if _known(other.connection) is not None:
                    raise _refused(_STRANGE)
            tx.connection.execute(insert(events_apart).values(pair=known, since=tx.now))
    # the other one second: whatever happens in between, the next start finds this one decided
    with store.events.write() as tx:
        theirs = _known(tx.connection)
        if theirs is None and not _filled(tx.connection):
            tx.connection.execute(insert(events_apart).values(pair=known, since=tx.now))
        elif theirs != known:
            raise _refused(_STRANGE)


def make_pair(*both: Tx) -> None:
    """What a restore fills belongs together from then on."""
    name = new_id(PAIR)
    for tx in both:
        tx.connection.execute(insert(events_apart).values(pair=name, since=tx.now))


def require_pair(store: Store) -> None:
    """
    The same without deciding anything.

    Raises:
        StoreUnavailableError: The events are elsewhere, or the other database is of another installation.
    """
    with store.read() as tx:
        known = _known(tx.connection)
    if not store.apart and known is not None:
        raise _refused(_APART)
    if store.apart:
        with store.events.read() as tx:
            if known is None or _known(tx.connection) != known:
                raise _refused(_STRANGE)


def _known(connection: Connection) -> str | None:
    return connection.execute(select(events_apart.c.pair)).scalar()


def _filled(connection: Connection) -> bool:
    return any(connection.execute(select(table.c.org).limit(1)).first() for table in (events, checkpoints))


def _refused(why: str) -> StoreUnavailableError:
    return StoreUnavailableError(why, code="events_elsewhere")
