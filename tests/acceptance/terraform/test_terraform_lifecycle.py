"""The life of each resource with real Terraform and a real control plane: made, changed, imported, drifted, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3

from support.server import Server
from support.terraform import OTHER_POLICY, POLICY, SAME_POLICY, Workspace

pytestmark = pytest.mark.acceptance

CONFIGURATION = """
resource "keeptrusts_configuration" "one" {
  name        = "%s"
  description = "first"
  policy_yaml = file("${path.module}/policy.yaml")
  labels      = { team = "platform" }
}
"""
GATEWAY = """
resource "keeptrusts_configuration" "one" {
  name        = "%s-policy"
  policy_yaml = file("${path.module}/policy.yaml")
}

resource "keeptrusts_gateway" "one" {
  name             = "%s"
  configuration_id = keeptrusts_configuration.one.id
  environment      = "dev"
}
"""
WEBHOOK = """
resource "keeptrusts_webhook" "one" {
  url         = "https://siem.example.com/%s"
  description = "first"
  event_types = ["event.blocked", "escalation.*"]
}
"""


def call(server: Server, method: str, path: str, body: object = None) -> Any:
    """Somebody else at the API."""
    headers = {"Authorization": f"Bearer {server.admin_key}", "Content-Type": "application/json"}
    answer = urllib3.request(
        method, f"{server.url}/v1/{path}", headers=headers, body=json.dumps(body).encode() if body is not None else None
    )
    assert answer.status < 300, answer.data
    return answer.json() if answer.data else None


def walk(real: Workspace, address: str, *, import_id: str, before: str, after: str) -> None:
    """Make, see no difference, change in place, import into an empty state, see no difference, delete."""
    real.apply().ok()
    assert real.plan() == 0
    made = real.resource(address)
    real.write("main.tf", (real.folder / "main.tf").read_text().replace(before, after))
    assert real.plan() == 2
    real.apply().ok()
    assert real.resource(address)["id"] == made["id"]
    assert real.plan() == 0
    for identifier in (made["id"], import_id):
        real.run("state", "rm", address).ok()
        real.run("import", address, identifier).ok()
        assert real.plan() == 0
    real.run("state", "rm", address).ok()
    real.write("import.tf", f'import {{\n  to = {address}\n  id = "{import_id}"\n}}\n')
    real.apply().ok()
    assert real.resource(address)["id"] == made["id"]
    assert real.plan() == 0
    (real.folder / "import.tf").unlink()


def test_a_configuration(real: Workspace, server: Server) -> None:
    """It walks through its life, and a rename is a change in place."""
    real.main(CONFIGURATION % "life-policy")
    walk(
        real,
        "keeptrusts_configuration.one",
        import_id="name=renamed",
        before='"life-policy"\n  description = "first"',
        after='"renamed"\n  description = "second"',
    )
    identifier = real.resource("keeptrusts_configuration.one")["id"]
    assert call(server, "GET", f"configurations/{identifier}")["managed_by"] == "terraform"
    real.destroy().ok()
    assert call(server, "GET", "configurations?name=renamed")["data"] == []


def test_a_gateway(real: Workspace, server: Server) -> None:
    """It walks through its life and follows its configuration."""
    real.main(GATEWAY % ("life-gateway", "life-gateway"))
    walk(
        real,
        "keeptrusts_gateway.one",
        import_id="name=life-gateway",
        before='"dev"',
        after='"dev"\n  fail_mode = "allow"\n  labels = { a = "b" }',
    )
    digest = real.resource("keeptrusts_configuration.one")["content_digest"]
    assert real.resource("keeptrusts_gateway.one")["desired_digest"] == digest
    real.destroy().ok()
    assert call(server, "GET", "gateways?name=life-gateway")["data"] == []


def test_a_webhook(real: Workspace, server: Server) -> None:
    """It walks through its life; nobody has to resolve its host for that."""
    real.main(WEBHOOK % "life")
    real.apply().ok()
    assert real.resource("keeptrusts_webhook.one")["signing_secret"].startswith("whsec_")
    walk(
        real,
        "keeptrusts_webhook.one",
        import_id="url=https://siem.example.com/life",
        before='"first"',
        after='"second"\n  active = false',
    )
    real.destroy().ok()


def test_what_means_the_same_is_no_difference(real: Workspace) -> None:
    """Another spelling of a policy leaves the plan empty, and the state keeps the user's text."""
    real.main(CONFIGURATION % "same-policy")
    real.apply().ok()
    real.write("policy.yaml", SAME_POLICY)
    assert real.plan() == 0
    assert real.resource("keeptrusts_configuration.one")["policy_yaml"] == POLICY
    real.write("policy.yaml", OTHER_POLICY)
    assert real.plan() == 2
    real.apply().ok()
    assert real.resource("keeptrusts_configuration.one")["version"] == 2
    real.destroy().ok()


def test_drift_is_seen_and_set_right(real: Workspace, server: Server) -> None:
    """A change behind Terraform's back is status 2; apply sets it right; then the plan is empty."""
    real.main(CONFIGURATION % "drift-policy")
    real.apply().ok()
    identifier = real.resource("keeptrusts_configuration.one")["id"]
    call(server, "PATCH", f"configurations/{identifier}", {"policy_yaml": OTHER_POLICY, "description": "by hand"})
    drifted = real.run("plan", "-detailed-exitcode")
    assert drifted.status == 2
    assert "by hand" in drifted.output
    real.apply().ok()
    assert real.plan() == 0
    assert call(server, "GET", f"configurations/{identifier}")["policy_yaml"] == POLICY
    real.destroy().ok()


def test_what_was_deleted_elsewhere_is_made_anew(real: Workspace, server: Server) -> None:
    """A 404 takes the object out of the state with a warning, and the plan makes it again."""
    real.main(CONFIGURATION % "gone-policy")
    real.apply().ok()
    identifier = real.resource("keeptrusts_configuration.one")["id"]
    call(server, "DELETE", f"configurations/{identifier}")
    planned = real.run("plan", "-detailed-exitcode")
    assert planned.status == 2
    assert "was deleted outside of Terraform" in planned.output
    real.apply().ok()
    again = real.resource("keeptrusts_configuration.one")["id"]
    assert again != identifier
    assert call(server, "GET", f"configurations/{again}")["name"] == "gone-policy"
    real.destroy().ok()


def test_several_of_each(real: Workspace, server: Server) -> None:
    """Webhooks that are alike in every word have an object each; several objects are read as one is."""
    several = GATEWAY.replace("\n  name ", "\n  count = 4\n  name ").replace('%s"', '%s-${count.index}"')
    several = several.replace("%s-policy", "%s-policy-${count.index}").replace("one.id", "one[count.index].id")
    real.main((WEBHOOK % "alike").replace("\n  url ", "\n  count = 4\n  url ") + several % ("alike", "alike"))
    real.apply().ok()
    made = [one["id"] for one in call(server, "GET", "webhooks")["data"] if one["url"].endswith("/alike")]
    assert len(made) == 4
    assert real.plan() == 0
    real.destroy().ok()
