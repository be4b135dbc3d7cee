"""The essential of the control plane through pgbouncer in transaction mode: no connection belongs to anybody."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from keeptrusts.control.checkpointing import look
from keeptrusts.control.exporting import write_exports
from keeptrusts.control.retaining import keep_partitions
from keeptrusts.control.services import secret_key
from keeptrusts.control.settings import Settings
from keeptrusts.control.workers import WORKERS
from keeptrusts.store.backup import back_up
from keeptrusts.store.engine import open_engine
from keeptrusts.store.migrating import migrate, require_current
from keeptrusts.store.restoring import restore
from keeptrusts.store.transaction import Store
from support import pgbouncer
from support.control import OTHER_POLICY, POLICY, Databases, Person, Plane, plane
from support.evidence import Evidence
from support.records import Instance

pytestmark = pytest.mark.skipif(
    pgbouncer.binary() is None, reason="pgbouncer is not installed: apt-get install pgbouncer"
)


@dataclasses.dataclass(frozen=True)
class Pooled:
    """Fresh databases, each by its URL through pgbouncer."""

    direct: Databases
    pooler: str

    def fresh(self) -> str:
        return self._through(self.direct.fresh())

    def empty(self) -> str:
        return self._through(self.direct.empty())

    def _through(self, url: str) -> str:
        return self.pooler.rpartition("/")[0] + "/" + url.rpartition("/")[2]


@pytest.fixture(scope="module")
def pooled(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooled]:
    """One pgbouncer for this module."""
    with pgbouncer.before(postgres_url) as url:
        yield Pooled(Databases(tmp_path_factory.mktemp("pooled"), postgres_url), url)


@pytest.fixture
def settings(pooled: Pooled, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url=pooled.fresh(), key_requests_per_minute=100_000)


@pytest.fixture
def replicas(settings: Settings) -> Iterator[tuple[Plane, Person]]:
    """Two servers of one database with their workers: the first, and its admin at the second."""
    background = [worker for worker in WORKERS if worker is not write_exports]  # the tests export by themselves
    with plane(settings, background) as first, plane(settings, background) as second:
        yield first, dataclasses.replace(first.admin, client=second.client)


def test_what_two_replicas_write_is_stored_once_and_sealed_once(replicas: tuple[Plane, Person], tmp_path: Path) -> None:
    """Eight gateways at both, each batch sent to either; while all that works beside them seals, too."""
    first, elsewhere = replicas
    chains = [Instance(f"gwi_{number}") for number in range(8)]
    failures: list[object] = []

    def send(one: Instance) -> None:
        for _ in range(6):
            batch = {"events": [one.decision("blocked") for _ in range(5)]}
            for person in (first.admin, elsewhere):
                answer = person.post("/v1/gateway/events", batch)
                if answer.status_code != 200 or answer.json()["rejected"]:
                    failures.append(answer.text)

    senders = [threading.Thread(target=send, args=(one,)) for one in chains]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        look(first.services, at_once=True)
    look(first.services, at_once=True)
    assert failures == []
    stats = elsewhere.get("/v1/events/stats").json()
    assert (stats["total"], stats["verdicts"]["blocked"]) == (240, 240)
    evidence = Evidence.of(first, tmp_path)
    assert len(evidence.rows) == len({row["id"] for row in evidence.rows}) == 240
    assert evidence.verified() == (set(), 0)


def test_a_change_at_one_replica_reaches_a_poll_at_the_other(replicas: tuple[Plane, Person]) -> None:
    """Nothing listens on a connection: the other asks, and within seconds it knows."""
    first, elsewhere = replicas
    made = first.admin.made("/v1/configurations", {"name": "usual", "policy_yaml": POLICY})
    gateway = first.admin.made("/v1/gateways", {"name": "edge", "configuration_id": made["id"]})["id"]
    seen = elsewhere.get("/v1/gateway/bundle", x_keeptrusts_gateway_id=gateway)
    answers: list[Any] = []
    asked = {"x_keeptrusts_gateway_id": gateway, "If_None_Match": seen.headers["etag"], "Prefer": "wait=20"}
    poll = threading.Thread(target=lambda: answers.append(elsewhere.get("/v1/gateway/bundle", **asked)))
    poll.start()
    begun = time.monotonic()
    changed = first.admin.patch(f"/v1/configurations/{made['id']}", {"policy_yaml": OTHER_POLICY})
    assert changed.status_code == 200
    poll.join(25)
    assert answers[0].status_code == 200
    assert answers[0].headers["etag"] != seen.headers["etag"]
    assert time.monotonic() - begun < 15, "it was woken, and did not run into its time"


def test_migrations_backups_and_partitions(pooled: Pooled, settings: Settings, tmp_path: Path) -> None:
    """A backup is one moment, a restore fills, and nothing of a session is left behind in the pool."""
    url = pooled.empty()
    store = Store(open_engine(url))
    migrate(store)
    require_current(store)
    store.close()
    with plane(settings, background=()) as still:
        still.admin.made("/v1/gateway/events", {"events": [Instance().decision() for _ in range(3)]})
        assert keep_partitions(still.services) == set()
        back_up(still.services.store, tmp_path / "backup", secret_key(settings))
        with still.services.store.write() as tx:
            assert tx.connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
            assert tx.connection.execute(text("SHOW lock_timeout")).scalar() == "0"
            held = text(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
                "WHERE locktype = 'advisory' AND d.datname = current_database()"
            )
            assert tx.connection.execute(held).scalar_one() == 0
    other = Store(open_engine(pooled.empty()))
    restore(other, tmp_path / "backup", secret_key(settings))
    with other.read() as tx:
        assert tx.connection.execute(text("SELECT count(*) FROM events")).scalar_one() == 3
    other.close()
