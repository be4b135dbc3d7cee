"""Every functional test of the control plane runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keeptrusts.control.settings import Settings
from support import postgres
from support.control import Databases, Person, Plane, plane


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
