"""Every functional test of the control plane runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.control.exporting import Exporter
from keeptrusts.control.settings import Settings
from support import postgres
from support.control import Databases, Person, Plane, plane
from support.exports import DRAFT
from support.webhooks import Clock


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One server a session."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Where fresh databases come from."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Databases(tmp_path_factory.mktemp("databases"), url)


@pytest.fixture
def settings(databases: Databases, tmp_path: Path) -> Settings:
    """Those of a control plane on a fresh database."""
    return Settings(data_dir=tmp_path, database_url=databases.fresh(), key_requests_per_minute=100_000)


@pytest.fixture
def control(settings: Settings) -> Iterator[Plane]:
    """A running control plane."""
    with plane(settings) as running:
        yield running


@pytest.fixture
def still(settings: Settings) -> Iterator[Plane]:
    """A control plane that does nothing by itself: its outbox can be looked into."""
    with plane(settings, background=()) as running:
        yield running


@pytest.fixture
def admin(control: Plane) -> Person:
    """Its first organisation's admin."""
    return control.admin


@pytest.fixture
def clock() -> Clock:
    """The database's, moved on by a test."""
    return Clock()


@pytest.fixture
def export(still: Plane, clock: Clock) -> Callable[..., dict[str, Any]]:
    """Ask for an archive, have it written, and give the job back."""

    def run(**changed: Any) -> dict[str, Any]:
        made = still.admin.made("/v1/exports/jobs", {**DRAFT, **changed})
        asyncio.run(Exporter(still.services, clock=clock, page_rows=3).crew.settle())
        found: dict[str, Any] = still.admin.get(f"/v1/exports/jobs/{made['id']}").json()
        return found

    return run
