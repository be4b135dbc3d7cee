"""`kt server check`, on both engines: what it looks at, and that it makes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text

from keeptrusts.control.app import make_services
from keeptrusts.control.settings import Settings
from support.control import Databases
from support.served import run_kt

SECRET = "0123456789abcdef0123456789abcdef"


def check(tmp_path: Path, *options: str, secret: str | None = SECRET) -> tuple[Result, dict[str, dict[str, str]]]:
    arguments = ("server", "check", "--data-dir", str(tmp_path / "data"), "--json", *options)
    done = run_kt(*arguments, env={"KEEPTRUSTS_SECRET_KEY": secret, "KEEPTRUSTS_DATABASE_URL": None})
    return done, {one["check"]: one for one in json.loads(done.stdout)}


def test_before_the_first_start(tmp_path: Path) -> None:
    """All is well, and nothing was made."""
    done, found = check(tmp_path, secret=None)
    assert done.exit_code == 0
    assert found["secret key"]["state"] == "warning"
    assert not (tmp_path / "data").exists()


def test_a_place_where_nothing_can_be_made(tmp_path: Path) -> None:
    """It is told before the first start, not by it."""
    (tmp_path / "file").write_text("")
    done, found = check(tmp_path, "--data-dir", str(tmp_path / "file" / "below"))
    assert (done.exit_code, found["database"]["state"]) == (3, "fails")
    assert "--data-dir" in found["database"]["next_step"]


def test_a_database_in_order(databases: Databases, tmp_path: Path) -> None:
    """With its signing key opened; another secret key is told, and so is none."""
    url = databases.fresh()
    services = make_services(Settings(data_dir=tmp_path, database_url=url, secret_key=SECRET.encode()))
    services.signer.key()
    services.store.close()
    done, found = check(tmp_path, "--database-url", url)
    assert (done.exit_code, {one["state"] for one in found.values()}) == (0, {"ok"}), done.stdout
    assert found["stored secrets"]["detail"].startswith("the secret key opens")
    for wrong in ("another-key-of-thirty-two-bytes!", None):
        done, found = check(tmp_path, "--database-url", url, secret=wrong)
        assert (done.exit_code, found["stored secrets"]["state"]) == (3, "fails")
    assert SECRET not in done.stdout + done.stderr


def test_a_database_that_is_not_migrated(databases: Databases, tmp_path: Path) -> None:
    """PostgreSQL waits for an operator; SQLite is migrated at the next start."""
    url = databases.empty()
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
    done, found = check(tmp_path, "--database-url", url)
    waits = url.startswith("postgresql")
    assert done.exit_code == (3 if waits else 0)
    assert found["shape of the database"]["state"] == ("fails" if waits else "warning")


def test_what_makes_a_server_slow_or_forgetful(databases: Databases, tmp_path: Path) -> None:
    """A commit that is not durable, and work that nobody does."""
    url = databases.fresh()
    services = make_services(Settings(data_dir=tmp_path, database_url=url, secret_key=SECRET.encode()))
    with services.store.write() as tx:
        tx.connection.execute(text("INSERT INTO organisations VALUES ('org_1', 'one', :at)"),
                              {"at": "2020-01-01" if url.startswith("postgresql") else 0})  # fmt: skip
        tx.connection.execute(text("INSERT INTO jobs VALUES ('q', 'j', 'org_1', :at, NULL, NULL, 0)"),
                              {"at": "2020-01-01" if url.startswith("postgresql") else 1})  # fmt: skip
        if url.startswith("postgresql"):
            name = url.rpartition("/")[2]
            tx.connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    services.store.close()
    done, found = check(tmp_path, "--database-url", url)
    assert (done.exit_code, found["background work"]["state"]) == (0, "warning")
    assert found["durability"]["state"] == ("warning" if url.startswith("postgresql") else "ok")


@pytest.mark.parametrize("url", ["postgresql://kt@127.0.0.1:1/kt", "mysql://x/y"])
def test_a_database_that_is_not_there(tmp_path: Path, url: str) -> None:
    """Exit status 3, and the next step."""
    done, found = check(tmp_path, "--database-url", url)
    assert (done.exit_code, found["database"]["state"]) == (3, "fails")
    assert found["database"]["next_step"]
