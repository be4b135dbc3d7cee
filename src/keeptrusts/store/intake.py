"""
How the transaction that stores new events begins and ends: on PostgreSQL with one round trip each.

It holds the chains that the events go on, has them end at the newest, and asks what webhooks want; what it stores
last is the rows. In between it does only what is rare.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from keeptrusts.store.appending import NewEvent, append_and_end
from keeptrusts.store.chains import ChainEnd, ChainEnds, ChainLink, Chains, newest_of
from keeptrusts.store.round_trip import RoundTrip, Rows
from keeptrusts.store.webhooks import active_patterns


@dataclass(frozen=True, slots=True)
class Begun:
    """
    What a transaction knows before it stores anything.

    Args:
        ends: Where the chains ended before; they end at the newest of the given links already.
        patterns: What active webhooks want, where they are in the same database.
    """

    ends: ChainEnds
    patterns: Collection[str]


def begin(connection: Connection, org: str, links: Sequence[ChainLink], *, at: datetime, webhooks: bool) -> Begun:
    """
    Hold the chains of these links.

    Args:
        webhooks: Whether they are in this database.
    """
    if connection.dialect.name != "postgresql":
        patterns = active_patterns(connection, org) if webhooks else ()
        return Begun(Chains(connection, org).advance(links, at=at), patterns)
    newest = newest_of(links)
    begun = _begin_at_once(RoundTrip(connection), org, newest, at, webhooks=webhooks)
    there = begun.ends.by_instance
    missing = [link for one, link in newest.items() if one not in there]
    if not missing:
        return begun
    made = Chains(connection, org).advance(missing, at=at)
    return Begun(ChainEnds({**there, **made.by_instance}, made.xid), begun.patterns)


def end(connection: Connection, org: str, new: Sequence[NewEvent], *, at: datetime, xid: int) -> None:
    """
    Store events that nobody expects to be there, and on PostgreSQL commit: nothing can be done after it.

    Raises:
        RepeatedEventError: One is there. Nothing of this transaction was stored.
        StoreUnavailableError: Nothing was stored; the same batch can be sent again at once.
    """
    append_and_end(connection, org, new, at, xid)


def _begin_at_once(
    trip: RoundTrip, org: str, newest: Mapping[str, ChainLink], at: datetime, *, webhooks: bool
) -> Begun:
    mine = f"org = {trip.quoted(org)}"
    names = {one: trip.quoted(one) for one in sorted(newest)}
    asked = [_HOLD.format(mine=mine, instances=", ".join(names.values()))]
    asked += [_WANTED.format(mine=mine)] if webhooks else []
    moved = trip.quoted(at.isoformat())
    asked += [
        _MOVE.format(mine=mine, instance=name, at=moved, to=newest[one].sequence, digest=trip.quoted(newest[one].hash))
        for one, name in names.items()
    ]
    found = trip.ask(asked)
    return Begun(_ends(found[0]), [one for (said,) in found[1] for one in json.loads(said or "[]")] if webhooks else ())


def _ends(rows: Rows) -> ChainEnds:
    ends = [ChainEnd(instance or "", int(number or 0), digest or "") for instance, number, digest, _ in rows]
    return ChainEnds({one.instance_id: one for one in ends}, int(rows[0][3] or 0) if rows else 0)


_HOLD: Final = (
    "SELECT instance_id, sequence, hash, pg_current_xact_id() FROM chain_heads "
    "WHERE {mine} AND instance_id IN ({instances}) ORDER BY instance_id FOR UPDATE"
)
"""In one order everywhere, so that two batches never wait for each other."""
_WANTED: Final = "SELECT event_types FROM webhooks WHERE {mine} AND active"
_MOVE: Final = (
    "UPDATE chain_heads SET sequence = {to}, hash = {digest}, updated_at = {at} "
    "WHERE {mine} AND instance_id = {instance} AND sequence < {to}"
)
