"""Backups of either engine, restored into either engine."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, inspect, select, text, update

from keeptrusts.cli.main import main
from keeptrusts.control.checkpointing import look
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError
from keeptrusts.store.backup import MANIFEST, all_tables, back_up, digest_of, mac
from keeptrusts.store.chains import Chains
from keeptrusts.store.engine import open_engine
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.organisations import make_organisation
from keeptrusts.store.restoring import restore
from keeptrusts.store.tables import events, gateways
from keeptrusts.store.trail_tables import event_days
from keeptrusts.store.transaction import Store
from support.control import POLICY, Databases, Person, Plane, plane
from support.migrations import is_partition
from support.records import Instance

AWKWARD = "tab\there, line\nhere, back\\slash \\N \\t, quote ' and ünï"


def _filled(still: Plane) -> tuple[Instance, str]:
    """A gateway with a configuration, a webhook, sealed events and some that are not."""
    admin, one = still.admin, Instance()
    draft = {"name": "usual", "policy_yaml": POLICY, "description": AWKWARD, "labels": {"of": "me"}}
    made = admin.made("/v1/configurations", draft)
    gateway = admin.made("/v1/gateways", {"name": "edge", "configuration_id": made["id"]})
    admin.made("/v1/webhooks", {"url": "https://example.com/hook", "event_types": ["*"], "headers": {"x-a": "b"}})
    for _ in range(2):
        _send(admin, *(one.decision("blocked", user_id=AWKWARD) for _ in range(3)))
        look(still.services, at_once=True)
    _send(admin, one.decision())
    return one, str(gateway["id"])


def _send(person: Person, *records: dict[str, Any]) -> None:
    assert len(person.made("/v1/gateway/events", {"events": list(records)})["accepted"]) == len(records)


def _shown(person: Person) -> dict[str, Any]:
    paths = ("configurations", "events", "webhooks", "trail/checkpoints", "events/stats?since=2026-01-01T00:00:00Z")
    found = {path: person.get(f"/v1/{path}").json() for path in paths}
    found[paths[-1]].pop("until")
    return found


def _restored(settings: Settings, url: str, folder: Path) -> Settings:
    store = Store(open_engine(url))
    restore(store, folder, secret_key(settings))
    store.close()
    return dataclasses.replace(settings, database_url=url)


def test_a_backup_has_every_table(still: Plane) -> None:
    """None was made by a migration and forgotten here."""
    with still.services.store.read() as tx:
        names = {name for name in inspect(tx.connection).get_table_names() if not is_partition(name)}
    left_out = {"alembic_version", "events_apart", "content_keys", "sign_in_links"}
    assert {table.name for table in all_tables()} == names - left_out


@pytest.mark.parametrize("into", ["same", "sqlite"])
def test_a_restored_backup_serves_everything(
    still: Plane, settings: Settings, databases: Databases, tmp_path: Path, into: str
) -> None:
    """What was there is there, epochs are behind nothing that was given out, and chain and trail go on."""
    one, gateway = _filled(still)
    if not settings.database.startswith("sqlite"):
        with still.services.store.write() as tx:  # as if the old server had run for years
            tx.connection.execute(update(events).values(xid=events.c.xid + 10**9))
            tx.connection.exec_driver_sql("UPDATE checkpoints SET last_xid = last_xid + 1000000000")
    before, folder = _shown(still.admin), tmp_path / "backup"
    back_up(still.services.store, folder, secret_key(settings))
    still.admin.patch(f"/v1/gateways/{gateway}", {"fail_mode": "open"})
    with still.services.store.read() as tx:
        given_out = tx.connection.execute(select(gateways.c.epoch)).scalar_one()

    url = databases.empty() if into == "same" else f"sqlite:///{tmp_path / 'other.db'}"
    with plane(_restored(settings, url, folder), background=()) as again:
        admin = dataclasses.replace(still.admin, client=again.client)
        assert _shown(admin) == before
        bundle = admin.get("/v1/gateway/bundle", x_keeptrusts_gateway_id=gateway).json()
        assert json.loads(bundle["payload"])["epoch"] > given_out
        _send(admin, one.decision(), one.decision())
        assert look(again.services, at_once=True) == 1
        with again.services.store.read() as tx:
            assert Chains(tx.connection, admin.org).breaks() == []
        newest, *_ = admin.get("/v1/trail/checkpoints").json()["data"]
        assert (newest["number"], json.loads(newest["payload"])["size"]) == (3, 3)
        identifier = before["events"]["data"][-1]["id"]
        assert admin.get(f"/v1/trail/proof/{identifier}").json()["checkpoint"]["number"] == 1


def test_nothing_is_overwritten(still: Plane, settings: Settings, tmp_path: Path) -> None:
    """Neither a folder nor a database that holds something."""
    folder, secret = tmp_path / "backup", secret_key(settings)
    back_up(still.services.store, folder, secret)
    with pytest.raises(ConflictError, match="exists"):
        back_up(still.services.store, folder, secret)
    with pytest.raises(ConflictError, match="not empty"):
        restore(still.services.store, folder, secret)
    assert still.admin.get("/v1/whoami").status_code == 200


def test_a_changed_backup_is_refused(still: Plane, settings: Settings, databases: Databases, tmp_path: Path) -> None:
    """Another secret key, another manifest or another byte: nothing is written."""
    folder, secret = tmp_path / "backup", secret_key(settings)
    back_up(still.services.store, folder, secret)
    store = Store(open_engine(databases.empty()))
    manifest = (folder / MANIFEST).read_text()
    with pytest.raises(InputError, match="another secret key"):
        restore(store, folder, b"x" * 40)
    (folder / MANIFEST).write_text(manifest.replace("keeptrusts.backup.1", "keeptrusts.backup.2"))
    with pytest.raises(InputError, match="was changed"):
        restore(store, folder, secret)
    (folder / MANIFEST).write_text(manifest)
    with (folder / "keys.copy.gz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match="another copy"):
        restore(store, folder, secret)
    with store.read() as tx:
        assert inspect(tx.connection).get_table_names() == []
    store.close()


def _backed_up(old: Path, folder: Path) -> Result:
    """A new installation with one organisation, and its backup."""
    environment = {"KEEPTRUSTS_SECRET_KEY": "k" * 40}
    assert CliRunner().invoke(main, ["server", "migrate", "--data-dir", str(old)], env=environment).exit_code == 0
    store = Store(open_engine(f"sqlite:///{old / 'control.db'}"))
    with store.write() as tx:
        make_organisation(tx.connection, "first", at=tx.now)
    store.close()
    words = ["server", "backup", "--data-dir", str(old), "--output", str(folder)]
    made = CliRunner().invoke(main, words, env=environment)
    assert made.exit_code == 0, made.output
    return made


def _table(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in manifest["tables"] if one["name"] == name)
    return found


def test_the_commands(tmp_path: Path) -> None:
    """`kt server backup` writes while nothing else is needed, and `kt server restore` fills another folder once."""
    new, folder = tmp_path / "new", tmp_path / "backup"
    made = _backed_up(tmp_path / "old", folder)
    assert made.stdout.strip() == digest_of(folder / MANIFEST)

    def kt(*words: str) -> Result:
        return CliRunner().invoke(main, ["server", *words], env={"KEEPTRUSTS_SECRET_KEY": "k" * 40})

    assert kt("restore", str(folder), "--data-dir", str(new)).exit_code == 0
    again = kt("restore", str(folder), "--data-dir", str(new))
    assert (again.exit_code, "not empty" in again.output) == (2, True)


def test_the_commands_answer_programs(tmp_path: Path) -> None:
    """What was done, as JSON."""
    folder = tmp_path / "backup"
    _backed_up(tmp_path / "old", tmp_path / "first")

    def kt(*words: str) -> Any:
        environment = {"KEEPTRUSTS_SECRET_KEY": "k" * 40}
        done = CliRunner().invoke(main, ["server", *words, "--json"], env=environment)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    (migrated,) = kt("migrate", "--data-dir", str(tmp_path / "old"))
    assert (migrated["database"], migrated["before"]) == ("main", migrated["after"])
    made = kt("backup", "--data-dir", str(tmp_path / "old"), "--output", str(folder))
    assert (made["folder"], made["digest"]) == (str(folder), digest_of(folder / MANIFEST))
    restored = kt("restore", str(folder), "--data-dir", str(tmp_path / "new"))
    assert restored == {name: made[name] for name in ("rows", "made_at", "revision")}


def test_a_restore_that_fails_leaves_no_database_behind(tmp_path: Path) -> None:
    """Neither before it begins nor in the middle: a server would begin anew with it; the next try goes well."""
    new, folder = tmp_path / "new", tmp_path / "backup"
    _backed_up(tmp_path / "old", folder)

    def kt(*words: str, secret: str = "k") -> Result:
        return CliRunner().invoke(main, ["server", *words], env={"KEEPTRUSTS_SECRET_KEY": secret * 40})

    assert kt("restore", str(folder), "--data-dir", str(new), secret="l").exit_code == 2
    assert not list(new.glob("control.db*[!k]"))
    whole = (folder / MANIFEST).read_text()
    _rewritten(folder, b"k" * 40, lambda found: _table(found, "organisations").update(name="not_there"))
    assert kt("restore", str(folder), "--data-dir", str(new)).exit_code == 1
    assert not list(new.glob("control.db*[!k]"))
    (folder / MANIFEST).write_text(whole)
    assert kt("restore", str(folder), "--data-dir", str(new)).exit_code == 0


def _rewritten(folder: Path, secret: bytes, change: Callable[[dict[str, Any]], object]) -> None:
    """Another manifest, as if it had been made so."""
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["mac"]
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps({**manifest, "mac": mac(manifest, secret)}))


def test_a_backup_of_a_later_version_says_what_to_install(
    still: Plane, settings: Settings, databases: Databases, tmp_path: Path
) -> None:
    """Its version, the revisions, and that it can be restored with that one."""
    folder, secret = tmp_path / "backup", secret_key(settings)
    back_up(still.services.store, folder, secret)
    _rewritten(folder, secret, lambda found: found.update(revision="9999", keeptrusts_version="7.0.0"))
    store = Store(open_engine(databases.empty()))
    with pytest.raises(InputError, match=r"9999.* install 7\.0\.0, which made it") as refused:
        restore(store, folder, secret)
    assert refused.value.code == "newer_backup"
    store.close()


def test_a_backup_of_an_earlier_version_is_restored(
    still: Plane, settings: Settings, databases: Databases, tmp_path: Path
) -> None:
    """It fills a database of its own shape, which becomes one of today's: what came later is made from it."""
    _filled(still)
    before = _shown(still.admin)
    folder, secret = tmp_path / "backup", secret_key(settings)
    back_up(still.services.store, folder, secret)
    _rewritten(folder, secret, lambda found: _as_of_0010(folder, found))
    with plane(_restored(settings, databases.empty(), folder), background=()) as served:
        with served.services.store.read() as tx:
            assert tx.connection.execute(select(func.count()).select_from(event_days)).scalar_one() > 0
        admin = dataclasses.replace(still.admin, client=served.admin.client)
        assert _shown(admin) == before


def _as_of_0010(folder: Path, manifest: dict[str, Any]) -> None:
    """Before there were counts by the day, canaries, and contents apart, and columns that say so."""
    manifest["revision"] = "0010"
    manifest["tables"] = [one for one in manifest["tables"] if one["name"] != "event_days"]
    for name, columns in LATER_COLUMNS.items():
        for column in columns:
            _without(folder, _table(manifest, name), column)


LATER_COLUMNS = {
    "checkpoints": ["by_day"],
    "events": ["content"],
    "exports": ["content"],
    "gateways": ["stable_configuration_id", "stable_version", "canary_lead"],
}


def _without(folder: Path, table: dict[str, Any], column: str) -> None:
    """Take a column out of a table of the backup."""
    path, place = folder / table["file"], [name for name, _ in table["columns"]].index(column)
    rows = [line.split(b"\t") for line in gzip.decompress(path.read_bytes()).splitlines()]
    left = [b"\t".join(cells[:place] + cells[place + 1 :]) + b"\n" for cells in rows]
    path.write_bytes(gzip.compress(b"".join(left)))
    del table["columns"][place]
    table["sha256"] = digest_of(path)


@pytest.mark.parametrize("words", [("migrate",), ("run", "--listen", "127.0.0.1:0"), ("check",)])
def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path, words: tuple[str, ...]) -> None:
    """No command asks to migrate what it does not know."""
    environment = {"KEEPTRUSTS_SECRET_KEY": "k" * 40}
    assert CliRunner().invoke(main, ["server", "migrate", "--data-dir", str(tmp_path)], env=environment).exit_code == 0
    store = Store(open_engine(f"sqlite:///{tmp_path / 'control.db'}"))
    with store.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    done = CliRunner().invoke(main, ["server", *words, "--data-dir", str(tmp_path)], env=environment)
    assert done.exit_code in {1, 3}
    assert "is at revision 9999, which a later version made" in done.output
    assert "kt server migrate" not in done.output


@pytest.mark.parametrize("words", [("backup", "--output", "{}/new"), ("restore", "{}"), ("rotate-key",)])
def test_no_command_makes_a_secret_key_for_what_is_sealed_already(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It would open nothing, or seal what no server opens; the next step is told, and nothing is left behind."""
    data = tmp_path / "data"
    named = [word.format(tmp_path) for word in words]
    done = CliRunner().invoke(main, ["server", *named, "--data-dir", str(data)], env={"KEEPTRUSTS_SECRET_KEY": None})
    assert (done.exit_code, "set `KEEPTRUSTS_SECRET_KEY`" in done.output) == (2, True)
    assert not data.exists()
