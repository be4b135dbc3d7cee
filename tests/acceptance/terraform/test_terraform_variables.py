"""Secrets for gateways as a resource: the value goes to the control plane and is nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.server import Server
from support.terraform import Workspace

pytestmark = pytest.mark.acceptance

SECRET = "sk-planted-value-3f9a"
VARIABLE = """
variable "secret" {
  type      = string
  ephemeral = true
}

resource "keeptrusts_config_variable" "one" {
  name             = "provider-key"
  description      = %s
  value_wo         = var.secret
  value_wo_version = %d
}
"""


def stored(server: Server, identifier: object) -> dict[str, Any]:
    answer = urllib3.request("GET", f"{server.url}/v1/config-variables/{identifier}", headers=server.headers)
    assert answer.status == 200, answer.data
    found: dict[str, Any] = answer.json()
    return found


def test_a_value_is_sent_by_its_version(real: Workspace, server: Server, tmp_path: Path) -> None:
    """Made, left alone, sent again with another version, taken away; the value is in no file under `TF_LOG=TRACE`."""
    log = tmp_path / "trace.log"
    given = {"TF_VAR_secret": SECRET, "TF_LOG": "TRACE", "TF_LOG_PATH": str(log)}
    real.main(VARIABLE % ('"first"', 1))
    real.run("apply", "-auto-approve", env=given).ok()
    identifier = real.resource("keeptrusts_config_variable.one")["id"]
    assert stored(server, identifier)["version"] == 1
    assert real.run("plan", "-detailed-exitcode", env=given).status == 0

    real.main(VARIABLE % ("null", 2))
    real.run("apply", "-auto-approve", env=given).ok()
    now = stored(server, identifier)
    assert (now["version"], now["description"]) == (2, None)
    for path in (*real.folder.glob("terraform.tfstate*"), log):
        assert SECRET not in path.read_text(encoding="utf-8", errors="replace")
    real.run("destroy", "-auto-approve", env=given).ok()
    gone = urllib3.request("GET", f"{server.url}/v1/config-variables/{identifier}", headers=server.headers)
    assert gone.status == 404


HOSTS = """
resource "keeptrusts_config_variable" "one" {
  name             = "azure-key"
  value_wo         = "sk-azure"
  value_wo_version = 1
  allowed_hosts    = %s
}
"""


def test_the_hosts_it_may_go_to(real: Workspace, server: Server) -> None:
    """Named, in any order, changed by the API and set right, imported, and left to the known providers again."""
    address = "keeptrusts_config_variable.one"
    real.main(HOSTS % '["mine.openai.azure.com", "judge.internal:8443"]')
    real.apply().ok()
    identifier = str(real.resource(address)["id"])
    assert sorted(stored(server, identifier)["allowed_hosts"]) == ["judge.internal:8443", "mine.openai.azure.com"]
    real.main(HOSTS % '["judge.internal:8443", "mine.openai.azure.com", "judge.internal:8443"]')
    assert real.plan() == 0

    elsewhere = f"{server.url}/v1/config-variables/{identifier}"
    urllib3.request("PATCH", elsewhere, json={"allowed_hosts": ["evil.example"]}, headers=server.headers)
    planned = real.run("plan", "-detailed-exitcode")
    assert planned.status == 2
    assert "evil.example" in planned.output
    real.apply().ok()
    assert "evil.example" not in stored(server, identifier)["allowed_hosts"]

    real.forget()
    real.run("import", address, "name=azure-key").ok()
    assert "mine.openai.azure.com" in real.resource(address)["allowed_hosts"]
    real.main(HOSTS % "null")
    real.apply().ok()
    assert stored(server, identifier)["allowed_hosts"] is None
    assert real.plan() == 0
    real.destroy().ok()


def test_what_cannot_be(real: Workspace) -> None:
    """A name that no document can write, a value without its version, and a variable that is no secret."""
    real.main(
        'resource "keeptrusts_config_variable" "one" {\n  name = "a b"\n  value_wo = "x"\n  sensitive = false\n'
        '  allowed_hosts = ["*.example.com"]\n}\n'
    )
    failed = " ".join(real.run("validate").output.replace("│", " ").split())
    assert "Invalid value for `name`" in failed
    assert "Invalid value for `allowed_hosts`" in failed
    assert "every variable is a secret" in failed.lower()
    assert "`value_wo` and `value_wo_version` go together" in failed
