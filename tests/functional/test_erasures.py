"""Events that go on request: whole, only those of the person, and so that the rest is still proven."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from keeptrusts.control.checkpointing import look
from keeptrusts.control.routes import erasures
from keeptrusts.core.canonical import digest
from keeptrusts.store.tables import events
from support.control import Plane, assert_problem
from support.evidence import Evidence
from support.records import Instance


def recorded(still: Plane) -> list[str]:
    """Six records, in turn of alice and bob, the last two not sealed yet; their ids."""
    one = Instance()
    records = [one.decision(user_id=name) for name in ("alice", "bob") * 3]
    for part in (records[:4], records[4:]):
        look(still.services, at_once=True)
        still.admin.made("/v1/gateway/events", {"events": part})
    return [record["id"] for record in records]


def left(still: Plane) -> list[str]:
    with still.services.store.events.read() as tx:
        return list(tx.connection.execute(select(events.c.id).order_by(events.c.id)).scalars())


def test_a_person_is_erased_and_the_rest_is_proven(still: Plane, tmp_path: Path) -> None:
    """A signed checkpoint names what went; what is missing besides is still found."""
    ids = recorded(still)
    answer = still.admin.made("/v1/events/erasures", {"user_id": "alice"})
    assert (answer["erased_count"], answer["has_more"]) == (3, False)
    assert left(still) == ids[1::2]
    newest = still.admin.get("/v1/trail/checkpoints").json()["data"][0]
    assert (newest["number"], json.loads(newest["payload"])["erased"]) == (answer["checkpoint"], ids[::2])
    evidence = Evidence.of(still, tmp_path)
    assert (len(evidence.rows), evidence.verified()) == (3, (set(), 0))
    with still.services.store.events.write() as tx:
        tx.connection.execute(delete(events).where(events.c.id == ids[1]))
    assert Evidence.of(still, tmp_path).verified() == ({"deleted"}, 3)


def test_many_go_in_turns(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says whether there are more; asking again when there are none changes nothing."""
    monkeypatch.setattr(erasures, "AT_ONCE", 2)
    recorded(still)
    told = [still.admin.made("/v1/events/erasures", {"user_id": "bob"}) for _ in range(3)]
    assert [(one["erased_count"], one["has_more"]) for one in told] == [(2, True), (1, False), (0, False)]


def test_only_an_admin_and_only_their_own(still: Plane) -> None:
    """Others are refused; another organisation has no such person; the audit log knows who asked, not about whom."""
    ids = recorded(still)
    for role in ("editor", "auditor", "viewer"):
        assert_problem(still.person(role).post("/v1/events/erasures", {"user_id": "alice"}), 403, "forbidden")
    assert still.other_admin().made("/v1/events/erasures", {"user_id": "alice"})["erased_count"] == 0
    assert left(still) == ids
    still.admin.made("/v1/events/erasures", {"user_id": "alice"})
    (entry,) = still.admin.get("/v1/audit-log?action=events.erase").json()["data"]
    assert (entry["actor"], entry["object_id"]) == (still.admin.key_id, digest("alice"))
    assert "alice" not in json.dumps(entry)
