"""Tokens and keys that Terraform makes: they work, end, are replaced, and are nowhere that they need not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import urllib3

from support.server import Server
from support.terraform import Workspace

pytestmark = pytest.mark.acceptance

GATEWAY = 'resource "keeptrusts_gateway" "edge" { name = "%s" }\n'
TOKEN = """
resource "keeptrusts_gateway_token" "edge" {
  gateway_id  = keeptrusts_gateway.edge.id
  expires_in  = "%s"
  rotate_when = { round = "%s" }
  lifecycle { create_before_destroy = true }
}
"""
READER = """
resource "keeptrusts_api_key" "reader" {
  name       = "reader"
  role       = "%s"
  expires_in = "90d"
}
"""


def status_of(server: Server, key: str, path: str = "/v1/whoami") -> int:
    with urllib3.PoolManager() as http:
        return http.request("GET", f"{server.url}{path}", headers={"Authorization": f"Bearer {key}"}).status


def named(workspace: Workspace, address: str, name: str) -> str:
    value = workspace.resource(address)[name]
    assert isinstance(value, str)
    return value


def test_a_gateway_token(real: Workspace, server: Server) -> None:
    """It is accepted, another spelling of its length is no change, a rotation replaces it before the old one ends."""
    real.main(GATEWAY % "tokens" + TOKEN % ("24h", "1"))
    real.apply().ok()
    first = named(real, "keeptrusts_gateway_token.edge", "token")
    assert status_of(server, first) == 200
    assert first.startswith(named(real, "keeptrusts_gateway_token.edge", "prefix"))
    real.main(GATEWAY % "tokens" + TOKEN % ("1d", "1"))
    assert real.plan() == 0

    real.main(GATEWAY % "tokens" + TOKEN % ("1d", "2"))
    planned = real.run("plan").ok().output
    assert "must be replaced" in planned
    assert "1 to add, 0 to change, 1 to destroy" in planned
    real.apply().ok()
    second = named(real, "keeptrusts_gateway_token.edge", "token")
    assert (status_of(server, first), status_of(server, second)) == (401, 200)
    assert real.plan() == 0
    real.destroy().ok()
    assert status_of(server, second) == 401


def test_replacing_by_hand_makes_another(real: Workspace, server: Server) -> None:
    """The same block twice never has the same token."""
    real.main(GATEWAY % "by-hand" + TOKEN % ("24h", "1"))
    real.apply().ok()
    first = named(real, "keeptrusts_gateway_token.edge", "token")
    real.apply("-replace=keeptrusts_gateway_token.edge").ok()
    second = named(real, "keeptrusts_gateway_token.edge", "token")
    assert (status_of(server, first), status_of(server, second)) == (401, 200)
    real.destroy().ok()


def test_one_that_was_revoked_is_made_anew(real: Workspace, server: Server) -> None:
    """With a warning; so is one whose time is over."""
    real.main(GATEWAY % "revoked" + TOKEN % ("24h", "1") + READER % "viewer")
    real.apply().ok()
    gateway, token = (named(real, f"keeptrusts_{name}.edge", "id") for name in ("gateway", "gateway_token"))
    key = named(real, "keeptrusts_api_key.reader", "id")
    with urllib3.PoolManager(headers=server.headers) as http:
        assert http.request("DELETE", f"{server.url}/v1/gateways/{gateway}/tokens/{token}").status == 204
        assert http.request("DELETE", f"{server.url}/v1/tokens/{key}").status == 204
    planned = real.run("plan", "-detailed-exitcode")
    assert planned.status == 2, planned.output
    assert "was deleted outside of Terraform" in planned.output
    assert "2 to add, 0 to change, 0 to destroy" in planned.output
    real.destroy().ok()


def test_an_api_key(real: Workspace, server: Server) -> None:
    """It has the role it was given, another role is another key, and it can be imported without its secret."""
    real.main(READER % "viewer")
    real.apply().ok()
    key, identifier = (named(real, "keeptrusts_api_key.reader", name) for name in ("key", "id"))
    assert status_of(server, key, "/v1/configurations") == 200
    assert status_of(server, key, "/v1/audit-log") == 403
    for given in (identifier, "name=reader"):
        real.forget()
        real.run("import", "keeptrusts_api_key.reader", given).ok()
        assert real.resource("keeptrusts_api_key.reader")["key"] is None
        assert real.plan() == 0
    real.main(READER % "auditor")
    assert "must be replaced" in real.run("plan").ok().output
    real.destroy().ok()
    assert status_of(server, key) == 401


def test_an_import_of_a_gateways_token(real: Workspace) -> None:
    """By its id; its triggers, which only the module knows, are then noted, and from then on they count."""
    real.main(GATEWAY % "import" + TOKEN % ("24h", "1"))
    real.apply().ok()
    token = named(real, "keeptrusts_gateway_token.edge", "id")
    real.run("state", "rm", "keeptrusts_gateway_token.edge").ok()
    real.run("import", "keeptrusts_gateway_token.edge", token).ok()
    assert "0 to add, 1 to change, 0 to destroy" in real.run("plan").ok().output
    real.apply().ok()
    assert real.plan() == 0
    real.main(GATEWAY % "import" + TOKEN % ("24h", "2"))
    assert "must be replaced" in real.run("plan").ok().output
    failed = real.run("import", "keeptrusts_gateway_token.other", "key_0192f0c1a2b37c4d8e5f60718293a4b5")
    assert failed.status == 1
    real.destroy().ok()


def test_an_ephemeral_key_lives_for_a_run(real: Workspace, server: Server, tmp_path: Path) -> None:
    """It configures another provider, is in neither plan nor state, and is revoked when the run is over."""
    real.main(
        'ephemeral "keeptrusts_api_key" "run" {\n  name = "run"\n  role = "viewer"\n}\n'
        'ephemeral "keeptrusts_gateway_token" "run" { gateway_id = keeptrusts_gateway.edge.id }\n'
        'provider "keeptrusts" {\n  alias = "reader"\n  api_key = ephemeral.keeptrusts_api_key.run.key\n}\n'
        'data "keeptrusts_configurations" "all" { provider = keeptrusts.reader }\n' + GATEWAY % "passing"
    )
    log = tmp_path / "trace.log"
    real.run("apply", "-auto-approve", env={"TF_LOG": "TRACE", "TF_LOG_PATH": str(log)}).ok()
    keys = [one for one in server_keys(server) if one["name"] in {"run", "passing"}]
    assert len(keys) >= 3
    assert all(one["revoked_at"] and one["expires_at"] for one in keys)
    # each key goes on behind the part that may be shown
    shown = [f"{one['prefix']}_" for one in keys]
    for text in (real.state_text, log.read_text(encoding="utf-8", errors="replace")):
        assert [prefix for prefix in shown if prefix in text] == []
    assert "ephemeral" not in json.dumps(json.loads(real.state_text)["resources"])
    real.destroy().ok()


def server_keys(server: Server) -> list[dict[str, str]]:
    with urllib3.PoolManager(headers=server.headers) as http:
        found: list[dict[str, str]] = http.request("GET", f"{server.url}/v1/tokens?limit=200").json()["data"]
    return found


@pytest.mark.parametrize("length", ["30s", "1x", "-1h", "1.5s", ""])
def test_a_length_that_is_none(real: Workspace, length: str) -> None:
    """Told at the attribute, before anything is made."""
    real.main(f'resource "keeptrusts_gateway_token" "x" {{\n  gateway_id = "gw_1"\n  expires_in = "{length}"\n}}')
    failed = real.run("validate")
    assert failed.status == 1
    assert "Invalid value for `expires_in`" in failed.output


def test_a_key_that_may_not_make_keys(real: Workspace, server: Server) -> None:
    """403 says which role is needed, and nothing is in the state."""
    editor = server.made("/v1/tokens", name="editor", role="editor")["key"]
    real.main(READER % "admin")
    failed = real.run("apply", "-auto-approve", env={"KEEPTRUSTS_API_TOKEN": editor})
    assert failed.status == 1
    assert "Not allowed to create keeptrusts_api_key" in failed.output


def test_lists_by_label(real: Workspace) -> None:
    """Both lists are in the order of names, and hold what has all the labels."""
    real.main(
        'resource "keeptrusts_configuration" "many" {\n'
        '  for_each = toset(["b", "a", "c"])\n  name = "listed-${each.key}"\n'
        '  policy_yaml = file("${path.module}/policy.yaml")\n'
        '  labels = { set = "listed", odd = each.key == "b" ? "no" : "yes" }\n}\n'
        'resource "keeptrusts_gateway" "many" {\n  for_each = keeptrusts_configuration.many\n  name = each.value.name\n'
        "  labels = each.value.labels\n  configuration_id = each.value.id\n}\n"
        'data "keeptrusts_configurations" "odd" {\n  labels = { set = "listed", odd = "yes" }\n'
        "  depends_on = [keeptrusts_gateway.many]\n}\n"
        'data "keeptrusts_gateways" "odd" {\n  labels = data.keeptrusts_configurations.odd.labels\n'
        "  depends_on = [keeptrusts_gateway.many]\n}\n"
        'output "names" { value = data.keeptrusts_configurations.odd.configurations[*].name }\n'
        'output "gateways" { value = data.keeptrusts_gateways.odd.gateways[*] }\n'
        'output "same" { value = data.keeptrusts_gateways.odd.gateways[0].configuration_id == '
        "data.keeptrusts_configurations.odd.ids[0] }\n"
    )
    real.apply().ok()
    found = {name: one["value"] for name, one in json.loads(real.run("output", "-json").ok().output).items()}
    assert found["names"] == ["listed-a", "listed-c"]
    assert [(one["name"], one["in_sync"], one["status"]) for one in found["gateways"]] == [
        ("listed-a", False, "never_seen"),
        ("listed-c", False, "never_seen"),
    ]
    assert found["same"] is True
    real.destroy().ok()


def test_a_document_looked_at(real: Workspace) -> None:
    """Its kinds, its digest and its normal form; one that is not valid fails validate at its attribute."""
    real.main(
        'data "keeptrusts_policy_document" "one" { policy_yaml = file("${path.module}/policy.yaml") }\n'
        'resource "keeptrusts_configuration" "one" {\n  name = "looked-at"\n'
        "  policy_yaml = data.keeptrusts_policy_document.one.policy_yaml\n}\n"
        'output "same" { value = keeptrusts_configuration.one.content_digest == '
        "data.keeptrusts_policy_document.one.digest }\n"
        'output "kinds" { value = data.keeptrusts_policy_document.one.kinds }\n'
        'output "name" { value = jsondecode(data.keeptrusts_policy_document.one.json).pack.name }\n'
        'output "findings" { value = data.keeptrusts_policy_document.one.findings }\n'
    )
    real.apply().ok()
    found = {name: one["value"] for name, one in json.loads(real.run("output", "-json").ok().output).items()}
    assert found == {"same": True, "kinds": ["prompt-injection", "audit-logger"], "name": "support", "findings": []}
    real.destroy().ok()
    real.write("policy.yaml", "pack: 1\n")
    failed = real.run("validate")
    assert failed.status == 1
    assert "Invalid policy document" in failed.output
