"""
The end of each instance's chain as it arrived here, and every place where a chain did not go on as it should.

A break is noted, never refused: what a gateway recorded is kept even when something before it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec
from sqlalchemy import BigInteger, Connection, bindparam, insert, literal_column, select, update

from keeptrusts.store.tables import chain_breaks, chain_heads
from keeptrusts.store.transaction import insert_unless_there, new_id

BreakCode: TypeAlias = Literal["missing", "admitted", "wrong_prev", "repeated"]
BREAK: Final = "brk"


class ChainLink(msgspec.Struct, frozen=True, gc=False):
    """
    What a stored event says of its place.

    Args:
        admits: First and last sequence that a gap record says were lost.
    """

    event_id: str
    instance_id: str
    sequence: int
    prev_hash: str | None
    hash: str
    admits: tuple[int, int] | None = None


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

    def extend(self, ends: ChainEnds, links: Sequence[ChainLink], *, at: datetime) -> list[ChainBreak]:
        """Put these, in the order they came, at the end of their chains; where they do not fit."""
        by_instance: dict[str, list[ChainLink]] = {}
        for link in links:
            by_instance.setdefault(link.instance_id, []).append(link)
        broken: list[ChainBreak] = []
        for instance, its_links in by_instance.items():
            broken += self._extend(ends.by_instance[instance], its_links, at)
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

    def _extend(self, end: ChainEnd, links: Sequence[ChainLink], at: datetime) -> list[ChainBreak]:
        instance, sequence, digest = end.instance_id, end.sequence, end.hash or None
        broken: list[ChainBreak] = []
        for link in links:
            fault = _fault(link, sequence, digest)
            if fault:
                broken.append(ChainBreak(link.event_id, instance, fault, sequence + 1, link.sequence))
            if link.admits:
                self._admit(instance, link.admits)
            if link.sequence > sequence:
                sequence, digest = link.sequence, link.hash
        self._note(broken, at)
        moved = {"of": self._org, "instance": instance, "to": sequence, "digest": digest or "", "at": at}
        self._connection.execute(_MOVE, moved)
        return broken

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


def _fault(link: ChainLink, sequence: int, digest: str | None) -> BreakCode | None:
    if link.sequence <= sequence:
        return "repeated"
    if link.sequence > sequence + 1:
        admitted = link.admits is not None and link.admits[0] <= sequence + 1 and link.admits[1] >= link.sequence - 1
        return "admitted" if admitted else "missing"
    return None if link.prev_hash == digest else "wrong_prev"


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
