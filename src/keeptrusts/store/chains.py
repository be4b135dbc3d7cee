"""
The end of each instance's chain as it arrived here, and every place where a chain did not go on as it should.

A break is noted, never refused: what a gateway recorded is kept even when something before it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias

from sqlalchemy import BigInteger, Connection, bindparam, insert, literal_column, select, update

from keeptrusts.store.tables import chain_breaks, chain_heads
from keeptrusts.store.transaction import insert_unless_there, new_id

BreakCode: TypeAlias = Literal["missing", "admitted", "wrong_prev", "repeated"]
BREAK: Final = "brk"


class ChainLink(Protocol):
    """
    What a stored event says of its place.

    Args:
        admits: First and last sequence that a gap record says were lost.
    """

    @property
    def id(self) -> str: ...
    @property
    def instance_id(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def prev_hash(self) -> str | None: ...
    @property
    def hash(self) -> str: ...
    @property
    def admits(self) -> tuple[int, int] | None: ...


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """`missing`: no gap record admits the loss. `admitted`: one does. `repeated`: the sequence was there before."""

    event_id: str
    instance_id: str
    code: BreakCode
    expected_sequence: int
    found_sequence: int


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The newest event of an instance; `sequence` 0, `hash` empty: there is none."""

    instance_id: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainEnds:
    """
    Chains that this transaction holds.

    Args:
        xid: Of this transaction; 0 on SQLite, which needs none.
    """

    by_instance: Mapping[str, ChainEnd]
    xid: int

    def sequence(self, instance_id: str) -> int:
        """Of the newest event of this instance."""
        return self.by_instance[instance_id].sequence


class Chains:
    """The chains of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def hold(self, instances: Collection[str], *, at: datetime) -> ChainEnds:
        """Where these chains end. Nobody else puts anything there until the transaction is over."""
        # in one order everywhere, so that two batches never wait for each other
        found = self._held(instances)
        missing = sorted(set(instances).difference(found.by_instance))
        for instance in missing:
            row = {"org": self._org, "instance_id": instance, "sequence": 0, "hash": "", "updated_at": at}
            self._connection.execute(insert_unless_there(self._connection, chain_heads).values(row))
        return self._held(instances) if missing else found

    def advance(self, links: Sequence[ChainLink], *, at: datetime) -> ChainEnds:
        """Hold these chains, and move their ends to the newest of `links` behind them; where they ended before."""
        newest = newest_of(links)
        ends = self.hold(newest, at=at)
        for instance, link in newest.items():
            if link.sequence > ends.sequence(instance):
                self._move(link, at)
        return ends

    def extend(self, ends: ChainEnds, links: Sequence[ChainLink], *, at: datetime) -> list[ChainBreak]:
        """Put these, in the order they came, at the end of their chains; where they do not fit."""
        for instance, link in newest_of(links).items():
            if link.sequence > ends.sequence(instance):
                self._move(link, at)
        return self.follow(ends, links, at=at)

    def follow(self, ends: ChainEnds, links: Sequence[ChainLink], *, at: datetime) -> list[ChainBreak]:
        """Where these, in the order they came, do not fit to where their chains ended; it is noted."""
        broken: list[ChainBreak] = []
        for instance, end in ends.by_instance.items():
            broken += self._follow(end, [link for link in links if link.instance_id == instance])
        self._note(broken, at)
        return broken

    def breaks(self, instance_id: str | None = None) -> list[ChainBreak]:
        """All that were noted, oldest first."""
        query = select(chain_breaks).where(chain_breaks.c.org == self._org).order_by(chain_breaks.c.id)
        if instance_id is not None:
            query = query.where(chain_breaks.c.instance_id == instance_id)
        names = ("event_id", "instance_id", "code", "expected_sequence", "found_sequence")
        rows = self._connection.execute(query).mappings()
        return [ChainBreak(**{name: row[name] for name in names}) for row in rows]

    def _held(self, instances: Collection[str]) -> ChainEnds:
        given = {"of": self._org, "instances": sorted(instances)}
        rows = self._connection.execute(_HOLD[self._connection.dialect.name], given).all()
        return ChainEnds({row[0]: ChainEnd(*row[:3]) for row in rows}, rows[0][3] if rows else 0)

    def _follow(self, end: ChainEnd, links: Sequence[ChainLink]) -> list[ChainBreak]:
        sequence, digest = end.sequence, end.hash or None
        broken: list[ChainBreak] = []
        for link in links:
            number = link.sequence
            # almost every record is the next one, and most batches are a hundred of them
            if number != sequence + 1 or link.prev_hash != digest:
                fault = _fault(link, sequence)
                broken.append(ChainBreak(link.id, end.instance_id, fault, sequence + 1, number))
            if (admits := link.admits) is not None:
                self._admit(end.instance_id, admits)
            if number > sequence:
                sequence, digest = number, link.hash
        return broken

    def _move(self, link: ChainLink, at: datetime) -> None:
        moved = {"of": self._org, "instance": link.instance_id, "to": link.sequence, "digest": link.hash, "at": at}
        self._connection.execute(_MOVE, moved)

    def _admit(self, instance: str, lost: tuple[int, int]) -> None:
        """A gap record came: what was missing is now admitted."""
        table = chain_breaks.c
        statement = (
            update(chain_breaks)
            .where(table.org == self._org, table.instance_id == instance, table.code == "missing")
            .where(table.expected_sequence >= lost[0], table.found_sequence - 1 <= lost[1])
        )
        self._connection.execute(statement.values(code="admitted"))

    def _note(self, broken: Sequence[ChainBreak], at: datetime) -> None:
        rows: list[Mapping[str, Any]] = [
            {
                "id": new_id(BREAK),
                "org": self._org,
                "at": at,
                **{name: getattr(one, name) for name in ChainBreak.__slots__},
            }
            for one in broken
        ]
        if rows:
            self._connection.execute(insert(chain_breaks), rows)


def newest_of(links: Sequence[ChainLink]) -> dict[str, ChainLink]:
    """Of each instance the one with the highest sequence."""
    found: dict[str, ChainLink] = {}
    for link in links:
        known = found.get(link.instance_id)
        if known is None or link.sequence > known.sequence:
            found[link.instance_id] = link
    return found


def _fault(link: ChainLink, sequence: int) -> BreakCode:
    """What is wrong with one that is not the next."""
    if link.sequence <= sequence:
        return "repeated"
    if link.sequence == sequence + 1:
        return "wrong_prev"
    admitted = link.admits is not None and link.admits[0] <= sequence + 1 and link.admits[1] >= link.sequence - 1
    return "admitted" if admitted else "missing"


_ENDS: Final = (
    select(chain_heads.c.instance_id, chain_heads.c.sequence, chain_heads.c.hash)
    .where(chain_heads.c.org == bindparam("of"), chain_heads.c.instance_id.in_(bindparam("instances", expanding=True)))
    .order_by(chain_heads.c.instance_id)
    .with_for_update()
)
_XID: Final = literal_column("pg_current_xact_id()::text::bigint", BigInteger)
_HOLD: Final = {"postgresql": _ENDS.add_columns(_XID), "sqlite": _ENDS.add_columns(literal_column("0", BigInteger))}
_MOVE: Final = (
    update(chain_heads)
    .where(chain_heads.c.org == bindparam("of"), chain_heads.c.instance_id == bindparam("instance"))
    .values(sequence=bindparam("to"), hash=bindparam("digest"), updated_at=bindparam("at"))
)
