"""The chain names what was done to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.canonical import canonical_json
from keeptrusts.trail.chain import Defect, chain_fields, event_hash, gap_event, link, sealed, verify


def chained(count: int, instance: str = "gwi_a") -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    previous = None
    for number in range(1, count + 1):
        event = link({"id": f"evt_{number}", "note": "a"}, sequence=number, prev_hash=previous, instance_id=instance)
        previous = event["hash"]
        events.append(event)
    return events


def names(found: list[Defect]) -> list[tuple[str, int]]:
    return [(defect.name, defect.sequence) for defect in found]


def test_whole_chain_is_sound() -> None:
    """A chain nobody touched has no defect, from its start or from its middle on."""
    events = chained(5)

    assert verify(events) == []
    assert verify(events[2:]) == []


def test_flip_is_found() -> None:
    """A changed field shows at the record that was changed."""
    events = chained(3)
    events[1] = events[1] | {"note": "b"}

    assert names(verify(events)) == [("flip", 2)]


def test_flip_with_new_hash_is_found() -> None:
    """Making the hash anew moves the defect to the record that follows."""
    events = chained(3)
    forged = events[1] | {"note": "b"}
    events[1] = forged | {"hash": event_hash(forged)}

    assert names(verify(events)) == [("wrong_prev", 3)]


def test_deletion_is_found() -> None:
    """A record that is gone leaves a gap that is named by its first and last sequence."""
    events = chained(6)
    found = verify(events[:1] + events[4:])

    assert names(found) == [("gap", 2)]
    assert found[0].message == "3 records are missing, up to number 4"


def test_reordering_is_found() -> None:
    """Two records that changed places are a reorder, not a gap."""
    events = chained(4)

    assert names(verify([events[0], events[2], events[1], events[3]])) == [("reorder", 2)]


def test_duplication_is_found() -> None:
    """The same record twice is a duplicate."""
    events = chained(3)

    assert names(verify([*events, events[1]])) == [("duplicate", 2)]


def test_cut_tail_is_found_by_a_witness() -> None:
    """Only who knew the head can tell that the end is missing; one who knew of a whole lost chain can tell that too."""
    events = chained(5)

    assert verify(events[:3]) == []
    assert names(verify(events[:3], {"gwi_a": 5, "gwi_b": 2})) == [("cut_tail", 4), ("cut_tail", 1)]


def test_first_record_follows_nothing() -> None:
    """A chain whose first record names a predecessor has lost it."""
    event = link({"id": "evt_1"}, sequence=1, prev_hash="sha256:00", instance_id="gwi_a")

    assert names(verify([event])) == [("wrong_prev", 1)]


def test_instances_are_chains_of_their_own() -> None:
    """Records of two gateways may stand mixed."""
    one, two = chained(3, "gwi_a"), chained(3, "gwi_b")

    assert verify([two[0], one[0], one[1], two[1], two[2], one[2]]) == []


def test_gap_record_admits_a_loss() -> None:
    """What a gap record covers is not missing; what it does not cover still is."""
    events = chained(6)
    admitted = link(
        gap_event("evt_g", "2026-01-01T00:00:00Z", 2, 3, "spool_full"),
        sequence=7,
        prev_hash=events[5]["hash"],
        instance_id="gwi_a",
    )

    assert admitted["count"] == 2
    assert verify([events[0], *events[3:], admitted]) == []
    assert names(verify([events[0], *events[4:], admitted])) == [("gap", 4)]


@pytest.mark.parametrize("sequence", [None, "1", True, 0, -1, 1.0])
def test_record_without_sequence_is_a_flip(sequence: object) -> None:
    """What is no sequence is never taken for one."""
    assert names(verify([{"instance_id": "gwi_a", "sequence": sequence}])) == [("flip", 1)]


def test_unhashable_record_is_a_flip() -> None:
    """A record that has no canonical form is reported, not raised."""
    assert names(verify([{"instance_id": "gwi_a", "sequence": 1, "big": 2**60}])) == [("flip", 1)]


def test_absurd_gap_is_counted_at_once() -> None:
    """A forged sequence costs no time."""
    far = link({"id": "evt_x"}, sequence=10**15, prev_hash=None, instance_id="gwi_a")

    assert names(verify([chained(1)[0], far])) == [("gap", 2)]


@pytest.mark.parametrize(
    "event", [{}, {"id": "e"}, {"a": 1, "zz": [1.5, None]}, {"hash": "old", "received_at": "now", "b": "ü"}]
)
def test_sealed_is_the_canonical_json_of_the_linked_event(event: dict[str, Any]) -> None:
    """The bytes that are stored are the canonical form of the event with its hash, and the hash is the event's."""
    fields = chain_fields(event, sequence=3, prev_hash="sha256:00", instance_id="gwi_a")
    payload, digest = sealed(fields)

    assert payload == canonical_json(link(event, sequence=3, prev_hash="sha256:00", instance_id="gwi_a"))
    assert json.loads(payload)["hash"] == digest == event_hash(json.loads(payload))


def test_received_at_is_not_hashed() -> None:
    """The control plane may add when it received a record."""
    event = chained(1)[0]

    assert verify([event | {"received_at": "2026-01-01T00:00:00Z"}]) == []
