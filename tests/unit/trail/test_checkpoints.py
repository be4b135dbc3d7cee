"""What checkpoints say, in both of their forms, and what of a trail in the first form is still proven."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keeptrusts.core.canonical import canonical_json
from keeptrusts.trail.bundle import sign
from keeptrusts.trail.checkpoints import Checkpoint, entry, read_checkpoint, root_of, sign_checkpoint, tag_of
from keeptrusts.trail.evidence import Window, prove
from support.records import Instance

SEED = bytes(32)
KEYS = {"key": Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()}
SAID = Checkpoint(
    organisation="org_1", number=1, size=0, root=root_of([]), previous="", lowest_id="", highest_id="",
    highest_id_before="", sealed_at="2030-01-01T00:00:00.000000Z",
)  # fmt: skip


def test_what_was_signed_is_read() -> None:
    """With and without what retention did."""
    for said in (SAID, dataclasses.replace(SAID, deleted_before="evt_1", deleted_of={"cfg_1": "evt_2", "cfg_2": ""})):
        assert read_checkpoint(sign_checkpoint(said, "key", SEED), KEYS) == said


@pytest.mark.parametrize(
    "changed",
    [{"type": "keeptrusts.checkpoint.3"}, {"deleted_of": {"cfg_1": 1}}, {"deleted_of": []}, {"deleted_before": 1},
     {"more": "x"}, {"number": "1"}],
)  # fmt: skip
def test_another_shape_is_no_checkpoint(changed: dict[str, Any]) -> None:
    """Signed or not."""
    said = dataclasses.asdict(SAID) | changed
    assert read_checkpoint(sign(said, "key", SEED), KEYS) is None


def test_what_retention_was_to_leave() -> None:
    """By configuration; of any other, and of none, what is said of the rest; without a tag the widest excuse."""
    said = dataclasses.replace(SAID, deleted_before="evt_3", deleted_of={"cfg_1": "evt_5", "cfg_2": ""})
    assert [said.spared(tag_of(name)) for name in ("cfg_1", "cfg_2", "cfg_3", None)] == ["evt_5", "", "evt_3", "evt_3"]
    assert said.spared(b"") == "evt_5"


def _first_form(events: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    """A checkpoint as it was before entries had tags."""
    entries = [entry(one["id"], canonical_json(one), None)[:48] for one in events]
    said = {name: getattr(SAID, name) for name in Checkpoint.__slots__ if not name.startswith("deleted")}
    ids = [one["id"] for one in events]
    said |= {"type": "keeptrusts.checkpoint.1", "size": len(entries), "root": root_of(entries)}
    said |= {"lowest_id": min(ids), "highest_id": max(ids), **more}
    return sign(said, "key", SEED) | {"entries": base64.b64encode(b"".join(entries)).decode()}


def test_a_trail_in_the_first_form_is_proven() -> None:
    """What is there is held against it; below what it says of retention nothing is missed, of any configuration."""
    one = Instance()
    events = [one.decision(configuration_id=name, at=1_900_000_000 + at) for at, name in enumerate(("a", "b", "c"))]
    window = Window("evt_", "evt_g", whole=True)

    def found(rows: list[dict[str, Any]], **more: str) -> set[str]:
        manifest = {"checkpoints": [_first_form(events, **more)], "window_to": "2020-01-01T00:00:00.000000Z"}
        return {finding.name for finding in prove(rows, manifest, KEYS, window).found}

    assert found(events) == set()
    assert found([events[0], events[1] | {"verdict": "blocked"}, events[2]]) == {"flip"}
    assert found(events[1:]) == {"deleted"}
    assert found(events[1:], deleted_before=events[1]["id"]) == set()


def test_a_tag_tells_nothing_but_the_configuration() -> None:
    """It is the beginning of a digest; no configuration has one, too."""
    assert tag_of("cfg_1") == hashlib.sha256(b"cfg_1").digest()[:16] != tag_of(None)
