"""
The end of each instance's chain as it arrived here, and every place where a chain did not go on as it should.

A break is noted, never refused: what a gateway recorded is kept even when something before it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, and_, insert, select, update

from keeptrusts.store.tables import chain_breaks, chain_heads
from keeptrusts.store.transaction import insert_unless_there, new_id

BreakCode: TypeAlias = Literal["missing", "admitted", "wrong_prev", "repeated"]
BREAK: Final = "brk"


@dataclass(frozen=True, slots=True)
class ChainLink:
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


class Chains:
    """The chains of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def extend(self, links: Sequence[ChainLink], *, at: datetime) -> list[ChainBreak]:
        """Put these, in the order they came, at the end of their chains; where they do not fit."""
        by_instance: dict[str, list[ChainLink]] = {}
        for link in links:
            by_instance.setdefault(link.instance_id, []).append(link)
        broken: list[ChainBreak] = []
        # in one order everywhere, so that two batches never wait for each other
        for instance in sorted(by_instance):
            broken += self._extend(instance, by_instance[instance], at)
        return broken

    def breaks(self, instance_id: str | None = None) -> list[ChainBreak]:
        """All that were noted, oldest first."""
        query = select(chain_breaks).where(chain_breaks.c.org == self._org).order_by(chain_breaks.c.id)
        if instance_id is not None:
            query = query.where(chain_breaks.c.instance_id == instance_id)
        names = ("event_id", "instance_id", "code", "expected_sequence", "found_sequence")
        rows = self._connection.execute(query).mappings()
        return [ChainBreak(**{name: row[name] for name in names}) for row in rows]

    def _extend(self, instance: str, links: Sequence[ChainLink], at: datetime) -> list[ChainBreak]:
        sequence, digest = self._head(instance, at)
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
        where = and_(chain_heads.c.org == self._org, chain_heads.c.instance_id == instance)
        statement = update(chain_heads).where(where).values(sequence=sequence, hash=digest or "", updated_at=at)
        self._connection.execute(statement)
        return broken

    def _head(self, instance: str, at: datetime) -> tuple[int, str | None]:
        key = {"org": self._org, "instance_id": instance}
        empty = insert_unless_there(self._connection, chain_heads)
        self._connection.execute(empty.values({**key, "sequence": 0, "hash": "", "updated_at": at}))
        where = and_(chain_heads.c.org == self._org, chain_heads.c.instance_id == instance)
        row = self._connection.execute(select(chain_heads).where(where).with_for_update()).one()
        return row.sequence, row.hash or None

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
