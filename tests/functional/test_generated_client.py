"""A client that a public generator makes of the OpenAPI document: whole, and understood by a real server."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.control.settings import Settings
from support.control import POLICY
from support.served import Served, serve

GENERATOR = Path(sys.executable).with_name("openapi-python-client")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Served]:
    """On a real port."""
    with serve(Settings(data_dir=tmp_path), tmp_path) as running:
        yield running


@pytest.mark.skipif("KEEPTRUSTS_SCHEMA_CASES" not in os.environ, reason="a nightly run sets KEEPTRUSTS_SCHEMA_CASES")
def test_a_generated_client(plane: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the document is left out; objects, lists, problems and empty answers come back as their classes."""
    document = tmp_path / "openapi.json"
    document.write_bytes(urllib3.request("GET", f"{plane.url}/openapi.json").data)
    command = [
        str(GENERATOR), "generate", "--path", str(document), "--output-path", str(tmp_path / "made" / "kt_generated"),
        "--meta", "none", "--fail-on-warning",
    ]  # fmt: skip
    (tmp_path / "made").mkdir()
    path = f"{GENERATOR.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path / "made")

    def call(route: str, **given: Any) -> Any:
        return importlib.import_module(f"kt_generated.api.{route}").sync(client=client, **given)

    made_of = importlib.import_module("kt_generated.models")
    operations = sum(len(one) for one in json.loads(document.read_text())["paths"].values())
    files = [one for one in (tmp_path / "made" / "kt_generated" / "api").glob("*/*.py") if one.name != "__init__.py"]
    assert len(files) == operations
    with importlib.import_module("kt_generated.client").AuthenticatedClient(plane.url, plane.token) as client:
        body = made_of.ConfigurationDraft(name="generated", policy_yaml=POLICY)
        made = call("configurations.make_configuration", body=body)
        assert (type(made), made.version) == (made_of.Configuration, 1)
        page = call("configurations.list_configurations")
        assert [one.id for one in page.data] == [made.id]
        assert call("configurations.read_configuration", configuration_id=made.id) == made
        missing = call("gateways.read_gateway", gateway_id="gw_none")
        assert (type(missing), missing.code) == (made_of.Problem, "not_found")
        refused = call("configurations.make_configuration", body=body)
        assert (type(refused), refused.code) == (made_of.Problem, "name_taken")
        module = importlib.import_module("kt_generated.api.configurations.drop_configuration")
        assert module.sync_detailed(made.id, client=client).status_code == 204
