"""Whatever is done to a chain is found."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.trail.chain import link, verify

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), TEXT, st.floats(-1e9, 1e9))
EVENTS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=2, max_size=8)


def chained(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number, event in enumerate(events, start=1):
        previous = made[-1]["hash"] if made else None
        made.append(link(event, sequence=number, prev_hash=previous, instance_id="gwi_a"))
    return made


@given(EVENTS)
def test_untouched_chain_is_sound(events: list[dict[str, Any]]) -> None:
    """No content of records makes a false alarm."""
    assert verify(chained(events)) == []


@given(EVENTS, st.data())
def test_every_change_is_found(events: list[dict[str, Any]], data: st.DataObject) -> None:
    """A removed, repeated, swapped or altered record always leaves a defect."""
    chain = chained(events)
    at = data.draw(st.integers(0, len(chain) - 2))
    match data.draw(st.sampled_from(["remove", "repeat", "swap", "alter"])):
        case "remove":
            heads = {"gwi_a": len(chain)}
            del chain[at + 1]
            assert verify(chain, heads)
        case "repeat":
            assert verify([*chain[: at + 1], chain[at], *chain[at + 1 :]])
        case "swap":
            chain[at], chain[at + 1] = chain[at + 1], chain[at]
            assert verify(chain)
        case _:
            chain[at] = chain[at] | {"altered": True}
            assert verify(chain)


@given(EVENTS, st.integers(0, 7))
def test_random_records_never_raise(events: list[dict[str, Any]], at: int) -> None:
    """Garbage among the records is reported, never raised."""
    chain: list[dict[str, Any]] = chained(events)
    chain.insert(at, {"sequence": "x", "instance_id": None})

    assert verify(chain)
