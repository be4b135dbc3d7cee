"""What events keep of texts: never stored as it came, and gone everywhere when it is erased."""

from __future__ import annotations

import gzip
import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url

from keeptrusts.control import retaining
from keeptrusts.control.checkpointing import look
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError
from keeptrusts.store.backup import back_up
from keeptrusts.store.content_keys import ContentKeys
from keeptrusts.store.content_tables import content_keys
from keeptrusts.store.engine import is_sqlite, open_engine
from keeptrusts.store.key_file import key_file
from keeptrusts.store.restoring import restore
from keeptrusts.store.tables import events
from keeptrusts.store.transaction import Store
from support.control import Databases, Plane, assert_problem
from support.evidence import Evidence
from support.postgres import binaries
from support.records import Instance

SECRET = "the tiger sleeps in Basel"
OTHER = "bread is baked at dawn"


def filled(still: Plane) -> dict[str, dict[str, Any]]:
    """One text of alice, one of bob, one event without any; by name."""
    one = Instance()
    records = {
        "alice": one.telling(SECRET, user_id="alice"),
        "bob": one.telling(OTHER, user_id="bob"),
        "plain": one.decision(user_id="alice"),
    }
    still.admin.made("/v1/gateway/events", {"events": list(records.values())})
    return records


def text_of(event: dict[str, Any]) -> str | None:
    return event["content"]["request"][0]["text"] if event["content"] else None


def shown(still: Plane) -> dict[str, str | None]:
    """Id to the text that is shown of it."""
    return {one["id"]: text_of(one) for one in still.admin.get("/v1/events").json()["data"]}


def every_byte(still: Plane) -> bytes:
    """Whatever is on disk of the database."""
    url = make_url(still.services.settings.database)
    if is_sqlite(still.services.store.engine):
        return b"".join(Path(f"{url.database}{kind}").read_bytes() for kind in ("", "-wal"))
    plain = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    command = [str(binaries() / "pg_dump"), "--dbname", plain]
    return subprocess.run(command, capture_output=True, check=True).stdout


def unpacked(folder: Path) -> bytes:
    return b"".join(gzip.decompress(path.read_bytes()) for path in folder.glob("*.copy.gz"))


def test_a_text_is_stored_encrypted_and_shown(still: Plane) -> None:
    """By itself, in lists and to followers; what has none costs no key."""
    records = filled(still)
    ids = {name: record["id"] for name, record in records.items()}
    assert shown(still) == {ids["alice"]: SECRET, ids["bob"]: OTHER, ids["plain"]: None}
    event = still.admin.get(f"/v1/events/{ids['alice']}").json()
    assert event == {**records["alice"], "received_at": event["received_at"]}
    assert SECRET.encode() not in every_byte(still)
    with still.services.store.events.read() as tx:
        assert tx.connection.execute(select(func.count()).select_from(content_keys)).scalar_one() == 2


def test_what_is_sent_again_is_there_once(still: Plane) -> None:
    """Also in one batch with what is new; the key stays that of the first."""
    one = Instance()
    records = [one.telling(SECRET, user_id="alice") for _ in range(3)]
    for some in (records[:2], records[1:], records):
        still.admin.made("/v1/gateway/events", {"events": some})
    assert list(shown(still).values()) == [SECRET] * 3


@pytest.mark.parametrize("damage", ["other", "sealed", "gone"])
def test_a_content_that_is_not_the_records_is_refused(still: Plane, damage: str) -> None:
    """The hash does not cover it, and its digest does."""
    record = Instance().telling(SECRET)
    contents = {"other": {**record["content"], "answer": ["x"]}, "sealed": {"sealed": "AAAA"}, "gone": None}
    sent = [{**record, "content": contents[damage]}]
    (rejected,) = still.admin.made("/v1/gateway/events", {"events": sent})["rejected"]
    assert rejected["code"] == "hash_mismatch"


def test_erased_texts_are_nowhere(still: Plane, settings: Settings, databases: Databases, tmp_path: Path) -> None:
    """Neither in the database nor in older backups and sealed archives; the events stay, and all is still proven."""
    ids = {name: record["id"] for name, record in filled(still).items()}
    before = Evidence.of(still, tmp_path)
    backup, secret = tmp_path / "backups" / "before", secret_key(settings)
    back_up(still.services.store, backup, secret)

    answer = still.admin.made("/v1/events/erasures", {"user_id": "alice", "keep_events": True})
    assert (answer["erased_count"], answer["content_erased_count"], answer["has_more"]) == (0, 1, False)
    assert shown(still) == {ids["alice"]: None, ids["bob"]: OTHER, ids["plain"]: None}
    newest = still.admin.get("/v1/trail/checkpoints").json()["data"][0]
    assert (newest["number"], json.loads(newest["payload"])["content_erased"]) == (
        answer["checkpoint"], [ids["alice"]],
    )  # fmt: skip
    keys = still.admin.made("/v1/events/content-keys", {"event_ids": list(ids.values())})["keys"]
    assert list(keys) == [ids["bob"]]

    for archive in (before, Evidence.of(still, tmp_path), Evidence.of(still, tmp_path, content="clear")):
        assert archive.verified() == (set(), 0)
        assert SECRET.encode() not in archive.archive.read_bytes()
    assert OTHER.encode() in archive.archive.read_bytes()
    back_up(still.services.store, tmp_path / "backups" / "after", secret)
    assert SECRET.encode() not in every_byte(still) + unpacked(backup)

    url = databases.empty()
    store = Store(open_engine(url))
    restore(store, backup, secret)
    with store.read() as tx:
        left = ContentKeys(tx.connection, still.admin.org).of(list(ids.values()), still.services.sealer)
    assert list(left) == [ids["bob"]]
    store.close()


def test_a_destroyed_key_is_overwritten(still: Plane) -> None:
    """No byte of it, nor of what it opened, is left in the files: whoever has the secret key finds nothing either."""
    identifier = filled(still)["alice"]["id"]
    with still.services.store.events.read() as tx:
        key = tx.connection.execute(
            select(content_keys.c.sealed).where(content_keys.c.event_id == identifier)
        ).scalar_one()
        content = tx.connection.execute(select(events.c.content).where(events.c.id == identifier)).scalar_one()
    assert content is not None
    found = (
        [key, content.encode()] if is_sqlite(still.services.store.engine) else [key.hex().encode(), content.encode()]
    )
    assert all(one in every_byte(still) for one in found)
    still.admin.made("/v1/events/erasures", {"user_id": "alice", "keep_events": True})
    assert not any(one in every_byte(still) for one in found)


def test_a_backup_without_its_keys(still: Plane, settings: Settings, databases: Databases, tmp_path: Path) -> None:
    """It says where they are, and is restored without texts only when that is asked for."""
    filled(still)
    folder, secret = tmp_path / "backups" / "one", secret_key(settings)
    back_up(still.services.store, folder, secret)
    keys = key_file(folder, secret)
    kept, elsewhere = keys.read_bytes(), tmp_path / "elsewhere.gz"
    for damaged in (None, kept[:-3]):
        keys.unlink(missing_ok=True)
        if damaged:
            keys.write_bytes(damaged)
        with pytest.raises(InputError, match="--content-keys|is not whole"):
            restore(Store(open_engine(databases.empty())), folder, secret)
    elsewhere.write_bytes(kept)
    ways: list[tuple[dict[str, Any], int]] = [({"keys": elsewhere}, 2), ({"contents": False}, 0)]
    for given, expected in ways:
        store = Store(open_engine(databases.empty()))
        restore(store, folder, secret, **given)
        with store.read() as tx:
            assert tx.connection.execute(select(func.count()).select_from(content_keys)).scalar_one() == expected
        store.close()


def test_events_go_whole_and_by_their_ids(still: Plane) -> None:
    """With their keys; others of the user stay, and so does another organisation's."""
    ids = {name: record["id"] for name, record in filled(still).items()}
    path = "/v1/events/erasures"
    for draft in ({}, {"user_id": "alice", "event_ids": [ids["bob"]]}):
        assert_problem(still.admin.post(path, draft), 422, "invalid_input")
    wanted = {"event_ids": [ids["alice"], ids["plain"]]}
    stranger = still.other_admin()
    assert stranger.made(path, wanted)["erased_count"] == 0
    assert stranger.made("/v1/events/content-keys", wanted)["keys"] == {}
    assert still.admin.made(path, {**wanted, "keep_events": True})["content_erased_count"] == 1
    assert still.admin.made(path, wanted)["erased_count"] == 2
    assert shown(still) == {ids["bob"]: OTHER}


def test_records_of_older_gateways_go_whole(still: Plane) -> None:
    """Their hash covers the content: it cannot go alone."""
    one = Instance()
    kept = {"request": [{"role": "user", "part": "text", "text": SECRET}], "answer": []}
    records = [one.decision(user_id="alice", content=kept), one.decision(user_id="alice"), one.telling(OTHER)]
    still.admin.made("/v1/gateway/events", {"events": records})
    assert SECRET in shown(still).values()
    answer = still.admin.made("/v1/events/erasures", {"user_id": "alice", "keep_events": True})
    assert (answer["erased_count"], answer["content_erased_count"]) == (1, 0)
    assert list(shown(still).values()) == [OTHER, None]


def test_a_text_that_nobody_erased_is_missed(still: Plane, tmp_path: Path) -> None:
    """Taken out of the database, or changed in an archive in the clear: both verifiers say so."""
    ids = {name: record["id"] for name, record in filled(still).items()}
    archive = Evidence.of(still, tmp_path, content="clear")
    assert archive.verified() == (set(), 0)
    archive.rows[0]["content"]["request"][0]["text"] = "harmless"
    assert archive.verified() == ({"flip"}, 3)
    with still.services.store.events.write() as tx:
        tx.connection.execute(update(events).where(events.c.id == ids["bob"]).values(content=""))
    assert Evidence.of(still, tmp_path).verified() == ({"content_deleted"}, 3)


def test_retention_destroys_keys(still: Plane) -> None:
    """With the events that are past their time, whichever way they go."""
    clock = still.services.store.events.clock
    filled(still)
    look(still.services, at_once=True)
    still.services.store.events.clock = still.services.store.clock = lambda: clock() + timedelta(days=400)
    retaining.keep_partitions(still.services)
    retaining.forget_some(still.services, still.admin.org)
    with still.services.store.events.read() as tx:
        counts = [tx.connection.execute(select(func.count()).select_from(one)).scalar_one()
                  for one in (events, content_keys)]  # fmt: skip
    assert counts == [0, 0]


def test_who_opens_archives_is_known(still: Plane) -> None:
    """The audit log has it; a key without `events:read` gets none."""
    ids = [record["id"] for record in filled(still).values()]
    still.admin.made("/v1/events/content-keys", {"event_ids": ids})
    (entry,) = still.admin.get("/v1/audit-log?action=events.open").json()["data"]
    assert entry["actor"] == still.admin.key_id
    gateway = still.person("gateway")
    assert_problem(gateway.post("/v1/events/content-keys", {"event_ids": ids}), 403, "forbidden")
