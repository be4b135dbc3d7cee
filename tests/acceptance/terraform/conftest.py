"""One installed provider for all; a control plane in memory that fails on demand for each test that wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import terraform_api
from support.server import Server
from support.terraform import Toolbox, Workspace
from support.terraform_api import Api


@pytest.fixture(scope="session")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Toolbox:
    """A home with the provider."""
    return Toolbox(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real control plane."""
    with Server(tmp_path_factory.mktemp("control"), "--allow-insecure-webhooks", "--rate-limit", "100000") as running:
        yield running


@pytest.fixture
def api() -> Iterator[Api]:
    """A control plane in memory."""
    with terraform_api.serve() as running:
        yield running


@pytest.fixture
def workspace(toolbox: Toolbox, api: Api, tmp_path: Path) -> Workspace:
    """A root module that talks to the one in memory."""
    return Workspace(toolbox, tmp_path / "module", api.environment)


@pytest.fixture
def real(toolbox: Toolbox, server: Server, tmp_path: Path) -> Workspace:
    """A root module that talks to the real one."""
    api = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": server.admin_key}
    return Workspace(toolbox, tmp_path / "module", api)
