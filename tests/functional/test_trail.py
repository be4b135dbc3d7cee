"""The trail on both engines: sealed by any replica, proven offline, and what was tampered with named."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select, update

from keeptrusts.cli.main import main
from keeptrusts.control.checkpointing import look
from keeptrusts.store.signing_keys import rotate
from keeptrusts.store.tables import events, messages
from keeptrusts.store.trail import Trail
from keeptrusts.store.trail_tables import checkpoints
from keeptrusts.trail.checkpoints import ENTRY_BYTES, TYPE, read_checkpoint
from keeptrusts.trail.merkle import leaf_hash, root_of_proof
from support.control import Plane, assert_problem
from support.evidence import VERIFIER, Evidence
from support.records import Instance


def send(plane: Plane, *records: dict[str, Any]) -> None:
    assert len(plane.admin.made("/v1/gateway/events", {"events": list(records)})["accepted"]) == len(records)


def keys_of(plane: Plane) -> dict[str, bytes]:
    listed = plane.admin.get("/v1/trail/keys").json()["data"]
    return {one["key_id"]: base64.b64decode(one["public_key"]) for one in listed}


def recorded(plane: Plane) -> list[dict[str, Any]]:
    """Twelve records of two instances, in three segments."""
    first, second = Instance("gwi_a"), Instance("gwi_b")
    sent: list[dict[str, Any]] = []
    for number in range(3):
        batch = [first.decision(user_id=f"u{number}"), second.decision("blocked"), first.decision(), second.decision()]
        send(plane, *batch)
        assert look(plane.services, at_once=True) == 1
        sent += batch
    return sent


def test_segments_are_sealed_and_chained(still: Plane) -> None:
    """Each signed, each naming the one before it; nothing new, no checkpoint."""
    recorded(still)
    assert look(still.services, at_once=True) == 0
    listed = still.admin.get("/v1/trail/checkpoints").json()["data"]
    said = [read_checkpoint(one, keys_of(still)) for one in listed]
    assert [one.number for one in said if one] == [3, 2, 1]
    assert [one.size for one in said if one] == [4, 4, 4]
    first = still.admin.get("/v1/trail/checkpoints?limit=2").json()
    rest = still.admin.get(f"/v1/trail/checkpoints?limit=2&cursor={first['next_cursor']}").json()
    assert [one["number"] for one in first["data"] + rest["data"]] == [3, 2, 1]
    assert still.other_admin().get("/v1/trail/checkpoints").json()["data"] == []


@pytest.mark.parametrize("said", ["x", str(2**31), "9" * 19, "9" * 200])
def test_a_cursor_that_no_list_gave(still: Plane, said: str) -> None:
    """Is refused, also when it is a number that no database has."""
    name = hashlib.sha256(b"/v1/trail/checkpoints").hexdigest()[:6]
    cursor = base64.urlsafe_b64encode(f"2{name}{said}".encode()).decode().rstrip("=")
    assert_problem(still.admin.get(f"/v1/trail/checkpoints?cursor={cursor}"), 422, "invalid_cursor")


def test_a_proof_leads_to_the_signed_root(still: Plane) -> None:
    """For each event; not yet sealed is said, and another organisation's is not there."""
    sent = recorded(still)
    for record in sent:
        proof = still.admin.get(f"/v1/trail/proof/{record['id']}").json()
        said = read_checkpoint(proof["checkpoint"], keys_of(still))
        leaf, path = leaf_hash(bytes.fromhex(proof["entry"])), [bytes.fromhex(one) for one in proof["path"]]
        found = root_of_proof(leaf, proof["index"], proof["size"], path)
        assert said is not None
        assert found is not None
        assert found.hex() == said.root
    late = Instance("gwi_c").decision()
    send(still, late)
    assert_problem(still.admin.get(f"/v1/trail/proof/{late['id']}"), 409, "not_sealed")
    assert_problem(still.other_admin().get(f"/v1/trail/proof/{sent[0]['id']}"), 404, "not_found")


def test_an_honest_export_is_proven(still: Plane, tmp_path: Path) -> None:
    """Sealed and unsealed events, filtered or not, of an empty window, and with a key that was rotated in between."""
    recorded(still)
    with still.services.store.write() as tx:
        rotate(tx.connection, still.services.sealer, at=tx.now)
    still.services.signer.refresh()
    send(still, Instance("gwi_c").decision())
    evidence = Evidence.of(still, tmp_path)
    assert len({json.loads(one["payload"])["number"] for one in evidence.manifest["checkpoints"]}) == 4
    assert len({one["key_id"] for one in evidence.manifest["checkpoints"]}) == 2
    assert evidence.verified() == (set(), 0)
    assert Evidence.of(still, tmp_path, filters={"verdict": "blocked"}).verified() == (set(), 0)
    old = {"window": None, "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    empty = Evidence.of(still, tmp_path, **old)
    assert (empty.rows, empty.verified()) == ([], (set(), 0))
    ahead = Instance("gwi_ahead").decision(at=time.time() + 86_400)
    send(still, ahead)
    to_come = Evidence.of(
        still, tmp_path, window=None, **{"from": "2026-01-01T00:00:00Z", "to": "2222-01-01T00:00:00Z"}
    )
    assert (to_come.rows[-1]["id"], to_come.verified()) == (ahead["id"], (set(), 0))
    del to_come.manifest["checkpoints"][-1]
    assert "cut_tail" in to_come.verified()[0]


def flip(evidence: Evidence) -> None:
    evidence.rows[4]["user_id"] = "eve"


def forge(evidence: Evidence) -> None:
    """A record that is whole in itself."""
    swapped = Instance("gwi_z").decision()
    evidence.rows[5] = swapped | {"received_at": evidence.rows[5]["received_at"]}


def delete_one(evidence: Evidence) -> None:
    del evidence.rows[3]


def reorder(evidence: Evidence) -> None:
    evidence.rows[2], evidence.rows[6] = evidence.rows[6], evidence.rows[2]


def double(evidence: Evidence) -> None:
    evidence.rows.insert(5, evidence.rows[4])


def back_date(evidence: Evidence) -> None:
    other = Instance("gwi_new").decision(at=json_time(evidence.rows[0]) - 60)
    evidence.rows.insert(0, other | {"received_at": evidence.rows[0]["received_at"]})


def json_time(row: dict[str, Any]) -> float:
    return int(row["id"][4:16], 16) / 1000


def cut_tail(evidence: Evidence) -> None:
    del evidence.rows[-3:]


def cut_checkpoints(evidence: Evidence) -> None:
    """Rows and what sealed them: only the time of the last checkpoint is left to tell."""
    del evidence.manifest["checkpoints"][-2:]
    del evidence.rows[-4:]


def swap_gateway(evidence: Evidence) -> None:
    for row in evidence.rows[:2]:
        row["gateway_id"] = "gw_" + "9" * 32


def change_entries(evidence: Evidence) -> None:
    first = evidence.manifest["checkpoints"][0]
    entries = bytearray(base64.b64decode(first["entries"]))
    entries[20] ^= 1
    first["entries"] = base64.b64encode(bytes(entries)).decode()


def drop_first_checkpoint(evidence: Evidence) -> None:
    del evidence.manifest["checkpoints"][0]


def drop_middle_checkpoint(evidence: Evidence) -> None:
    del evidence.manifest["checkpoints"][1]


def resign(evidence: Evidence) -> None:
    """Signed with a key of one's own, which is brought along."""
    evidence.keys["data"] = [
        one | {"public_key": base64.b64encode(b"k" * 32).decode()} for one in evidence.keys["data"]
    ]


def say_twice(evidence: Evidence) -> None:
    """A reader that takes the first of two members reads another record than one that takes the last."""
    evidence.rewrite = lambda text: '{"verdict":"blocked",' + text[1:]


def say_more(evidence: Evidence) -> None:
    """Behind what is hashed."""
    evidence.rewrite = lambda text: text.replace('Z"}\n', 'Z","verdict":"blocked"}\n', 1)


def say_more_of_content(evidence: Evidence) -> None:
    """Behind a content that cannot be read."""
    evidence.rewrite = lambda text: text.replace('"},"received_at"', '"},"user_id":"eve","received_at"')


def take_all_checkpoints(evidence: Evidence) -> None:
    """There is nothing left that could be against what is there."""
    evidence.manifest["checkpoints"] = []
    del evidence.rows[5:]


def narrow_the_time(evidence: Evidence) -> None:
    """To a moment before the rows that are there."""
    evidence.manifest["window_to"] = "2026-01-01T00:00:00.000000Z"


def swap_organisation(evidence: Evidence) -> None:
    evidence.manifest["organisation"] = "org_" + "9" * 32


@pytest.mark.parametrize(
    ("tamper", "name"),
    [
        (flip, "flip"),
        (forge, "deleted"),
        (delete_one, "deleted"),
        (reorder, "reordered"),
        (double, "duplicate"),
        (back_date, "back_dated"),
        (cut_tail, "cut_tail"),
        (cut_checkpoints, "cut_tail"),
        (swap_gateway, "flip"),
        (change_entries, "bad_checkpoint"),
        (drop_first_checkpoint, "bad_checkpoint"),
        (drop_middle_checkpoint, "bad_checkpoint"),
        (resign, "bad_checkpoint"),
        (say_twice, "flip"),
        (say_more, "flip"),
        (say_more_of_content, "flip"),
        (take_all_checkpoints, "bad_checkpoint"),
        (narrow_the_time, "outside"),
        (swap_organisation, "bad_checkpoint"),
    ],
)
def test_tampering_is_named(still: Plane, tmp_path: Path, tamper: Callable[[Evidence], None], name: str) -> None:
    """By `kt events verify`, and found by the verifier that shares no code with it."""
    recorded(still)
    send(still, Instance("gwi_d").telling("how are you?"))
    evidence = Evidence.of(still, tmp_path)
    tamper(evidence)
    found, status = evidence.verified()
    assert status == 3
    assert name in found


def test_tampering_in_the_database_is_found(still: Plane, tmp_path: Path) -> None:
    """A body that was changed, a row that was deleted, with the rights of the database's owner."""
    sent = recorded(still)
    with still.services.store.write() as tx:
        changed = {**sent[2], "verdict": "blocked"}
        tx.connection.execute(update(events).where(events.c.id == sent[2]["id"]).values(body=json.dumps(changed)))
        tx.connection.execute(delete(events).where(events.c.id == sent[5]["id"]))
    found, _ = Evidence.of(still, tmp_path).verified()
    assert {"flip", "deleted"} <= found


def test_a_record_that_is_put_in_with_an_earlier_time_is_named(still: Plane, tmp_path: Path) -> None:
    """The control plane seals it like one that a gateway held back: that it came late is told, and named if asked."""
    recorded(still)
    late = Instance("gwi_late").decision(at=time.time() - 7200)
    send(still, late)
    look(still.services, at_once=True)
    evidence = Evidence.of(still, tmp_path)
    assert evidence.verified() == (set(), 0)
    words = ["events", "verify", str(tmp_path / "events.jsonl"), "--keys", str(tmp_path / "keys.json")]
    told = CliRunner().invoke(main, words)
    assert "1 records were sealed more than 10 minutes after the time they claim, the latest after 120" in told.stderr
    named = CliRunner().invoke(main, [*words, "--max-delay", "1h", "--json"])
    assert (named.exit_code, [one["where"] for one in json.loads(named.stdout)]) == (3, [late["id"]])


def test_a_witness_sees_that_the_trail_went_back(still: Plane, tmp_path: Path) -> None:
    """The control plane loses its last checkpoint and seals anew: what the gateway was shown is not there any more."""
    recorded(still)
    with still.services.store.read() as tx:
        head = Trail(tx.connection, still.org).head()
    witness = tmp_path / "witness.json"
    witness.write_text(json.dumps({"heads": [{"number": head.number, "digest": head.digest, "seen_at": "x"}]}))
    assert Evidence.of(still, tmp_path).verified("--witness", str(witness)) == (set(), 0)
    with still.services.store.write() as tx:
        tx.connection.execute(delete(checkpoints).where(checkpoints.c.number >= head.number))
        newest = select(events.c.id).where(events.c.org == still.org).order_by(events.c.id.desc()).limit(1)
        tx.connection.execute(delete(events).where(events.c.id == tx.connection.execute(newest).scalar_one()))
    assert Evidence.of(still, tmp_path).verified("--witness", str(witness))[0] == {"witness"}


def test_the_independent_verifier_says_how_it_is_run() -> None:
    """Without files there is nothing to prove."""
    answer = subprocess.run([sys.executable, str(VERIFIER)], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("\nProve an export")
    assert "trail-keys.json" in answer.stderr


def test_webhooks_are_told_of_what_is_sealed(still: Plane) -> None:
    """Those that want it, of the newest checkpoint of each round, signed: whoever keeps it is a witness."""
    recorded(still)
    still.admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["trail.*"]})
    later = Instance("gwi_c")
    for _ in range(2):
        send(still, later.decision())
        look(still.services, at_once=True)
    with still.services.store.read() as tx:
        query = select(messages.c.data).where(messages.c.type == "trail.sealed").order_by(messages.c.id)
        told = list(tx.connection.execute(query).scalars())
    said = [read_checkpoint(one, keys_of(still)) for one in told]
    assert [one.number for one in said if one] == [4, 5]
    assert said[1] is not None
    assert said[1].previous == told[0]["digest"]


def test_the_status_shows_the_head(still: Plane) -> None:
    """To every gateway, with each report."""
    gateway = still.admin.made("/v1/gateways", {"name": "edge"})
    report = {"instance_id": "gwi_1", "version": "1", "active_digest": None, "epoch": None, "gateway_id": gateway["id"]}
    assert still.admin.made("/v1/gateway/status", report)["trail_head"] == {"number": 0, "digest": ""}
    recorded(still)
    shown = still.admin.made("/v1/gateway/status", report)["trail_head"]
    with still.services.store.read() as tx:
        head = Trail(tx.connection, still.org).head()
    assert shown == {"number": 3, "digest": head.digest}


def test_replicas_seal_each_event_once(still: Plane) -> None:
    """Four sealers beside two writers: numbers without holes, and every event in exactly one segment."""
    instances = [Instance(f"gwi_{number}") for number in range(2)]
    stop = threading.Event()

    def write(one: Instance) -> None:
        for _ in range(15):
            send(still, *(one.decision() for _ in range(4)))

    def seal() -> None:
        while not stop.is_set():
            look(still.services, at_once=True)

    sealers = [threading.Thread(target=seal) for _ in range(4)]
    writers = [threading.Thread(target=write, args=[one]) for one in instances]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    look(still.services, at_once=True)
    with still.services.store.read() as tx:
        table = checkpoints.c
        rows = tx.connection.execute(select(table.number, table.entries).order_by(table.number)).all()
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    entries = [row.entries[at : at + 16] for row in rows for at in range(0, len(row.entries), ENTRY_BYTES[TYPE])]
    assert len(entries) == len(set(entries)) == 120
