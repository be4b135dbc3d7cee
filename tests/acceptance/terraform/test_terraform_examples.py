"""The examples of the reference pages, as one module, with real Terraform and a real control plane."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from keeptrusts.terraform import examples
from support.server import Server
from support.terraform import POLICY, Workspace

pytestmark = pytest.mark.acceptance

KINDS = {
    "resources": "resource_schemas",
    "data-sources": "data_source_schemas",
    "ephemeral-resources": "ephemeral_resource_schemas",
}


def test_the_examples(real: Workspace, server: Server) -> None:
    """They are formatted, valid, applied without a difference left, found by the data sources, and importable."""
    real.write("provider.tf", examples.PROVIDER.replace('"https://keeptrusts.example.com"', json.dumps(server.url)))
    real.write("resources.tf", "\n".join(examples.RESOURCES.values()))
    real.write("policies/production.yaml", POLICY)
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    keys = {"TF_VAR_openai_key": "sk-x", "TF_VAR_azure_key": "sk-y"}
    given = {"TF_VAR_keeptrusts_api_key": server.admin_key, "TF_VAR_siem_secret": secret, **keys}
    real.run("init").ok()
    real.run("apply", "-auto-approve", env=given).ok()
    later = "\n".join((*examples.DATA_SOURCES.values(), *examples.EPHEMERALS.values(), *examples.FUNCTIONS.values()))
    real.write("data.tf", later.replace('"https://keeptrusts.example.com"', json.dumps(server.url)))
    assert real.run("fmt", "-check", "-diff").ok().output == ""
    found = real.run("apply", "-auto-approve", env=given).ok()
    assert "edge_is_in_sync = false" in found.output
    assert "0 added, 0 changed, 0 destroyed" in found.output
    assert real.run("plan", "-detailed-exitcode", env=given).status == 0

    (real.folder / "data.tf").unlink()
    for name, (label, *given_ids) in examples.IMPORTS.items():
        other = given_ids[-1] if len(given_ids) > 1 else str(real.resource(f"{name}.{label}")["id"])
        real.run("state", "rm", f"{name}.{label}").ok()
        real.write(f"{name}-import.tf", f'import {{\n  to = {name}.{label}\n  id = "{other}"\n}}\n')
    imported = real.run("plan", env=given).ok()
    assert f"{len(examples.IMPORTS)} to import, 0 to add" in imported.output
    real.run("apply", "-auto-approve", env=given).ok()
    real.run("destroy", "-auto-approve", env=given).ok()


def test_the_shipped_pages_are_those_of_the_installed_provider(real: Workspace) -> None:
    """`terraform providers schema -json` has each type and each attribute that the pages tell of, and no other."""
    real.main("")
    schema = json.loads(real.run("providers", "schema", "-json").ok().output)
    (provider,) = schema["provider_schemas"].values()
    pages = Path(__file__).parents[3] / "docs" / "reference" / "terraform"
    for folder, key in KINDS.items():
        assert {f"keeptrusts_{path.stem}" for path in (pages / folder).iterdir()} == set(provider[key])
        for name, described in provider[key].items():
            page = (pages / folder / f"{name.removeprefix('keeptrusts_')}.md").read_text(encoding="utf-8")
            block = described["block"]
            for attribute, told in block["attributes"].items():
                assert f"- `{attribute}` (" in page
                assert told["description"] in page
    assert {path.stem for path in (pages / "functions").iterdir()} == set(provider["functions"])
    for name, described in provider["functions"].items():
        page = (pages / "functions" / f"{name}.md").read_text(encoding="utf-8")
        assert f"description: |-\n  {described['summary']}\n" in page
        assert described["description"] in page
