"""Backups of either engine, restored into either engine."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import inspect, select, update

from keeptrusts.cli.main import main
from keeptrusts.control.checkpointing import look
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError
from keeptrusts.store.backup import MANIFEST, all_tables, back_up, digest_of
from keeptrusts.store.chains import Chains
from keeptrusts.store.engine import open_engine
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.restoring import restore
from keeptrusts.store.tables import events, gateways
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
        names = set(inspect(tx.connection).get_table_names()) - {"alembic_version", "events_apart"}
        names = {name for name in names if not is_partition(name)}
    assert {table.name for table in all_tables()} == names


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


def test_the_commands(tmp_path: Path) -> None:
    """`kt server backup` writes while nothing else is needed, and `kt server restore` fills another folder once."""
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "backup"
    environment = {"KEEPTRUSTS_SECRET_KEY": "k" * 40}

    def kt(*words: str) -> Result:
        return CliRunner().invoke(main, ["server", *words], env=environment)

    assert kt("migrate", "--data-dir", str(old)).exit_code == 0
    made = kt("backup", "--data-dir", str(old), "--output", str(folder))
    assert (made.exit_code, made.stdout.strip()) == (0, digest_of(folder / MANIFEST)), made.output
    assert kt("restore", str(folder), "--data-dir", str(new)).exit_code == 0
    again = kt("restore", str(folder), "--data-dir", str(new))
    assert (again.exit_code, "not empty" in again.output) == (2, True)


@pytest.mark.parametrize("words", [("backup", "--output", "{}/new"), ("restore", "{}"), ("rotate-key",)])
def test_no_command_makes_a_secret_key_for_what_is_sealed_already(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It would open nothing, or seal what no server opens; the next step is told, and nothing is left behind."""
    data = tmp_path / "data"
    named = [word.format(tmp_path) for word in words]
    done = CliRunner().invoke(main, ["server", *named, "--data-dir", str(data)], env={"KEEPTRUSTS_SECRET_KEY": None})
    assert (done.exit_code, "set `KEEPTRUSTS_SECRET_KEY`" in done.output) == (2, True)
    assert not data.exists()
