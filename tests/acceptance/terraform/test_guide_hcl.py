"""
The published guide's Terraform, word for word: what users copy from it walks through its whole life.

Left out are the parts of other clouds (AWS, the S3 backend). Added is what the guide takes for granted: declarations of
the variables, and `required_providers` in the module, which Terraform wants in every module.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.server import Server
from support.terraform import HEAD, Toolbox, Workspace

pytestmark = pytest.mark.acceptance

KIT = Path(__file__).parents[3] / "deploy" / "terraform"
PROVIDER = """
terraform {
  required_providers {
    keeptrusts = {
      source  = "keeptrusts/keeptrusts"
      version = "~> 1.0"
    }
  }
}

provider "keeptrusts" {
  api_url = var.keeptrusts_api_url
  api_key = var.keeptrusts_api_key
}
"""
CONFIGURATIONS = """
resource "keeptrusts_configuration" "production" {
  name        = "production-policy"
  description = "Production AI governance policy"
  policy_yaml = file("${path.module}/policies/production.yaml")

  labels = {
    environment = "production"
    team        = "platform"
  }
}

resource "keeptrusts_configuration" "main" {
  name = "${var.environment}-policy"
  policy_yaml = templatefile("${path.module}/policies/base-policy.yaml.tpl", {
    max_tokens       = var.max_tokens
    blocked_topics   = var.blocked_topics
    escalation_email = var.escalation_email
    retention_hours  = var.retention_hours
  })
}
"""
WEBHOOKS = """
resource "keeptrusts_webhook" "slack_alerts" {
  url         = var.slack_webhook_url
  description = "Slack alerts for policy violations"
  event_types = ["event.blocked", "escalation.created"]
  active      = true
}

resource "keeptrusts_webhook" "siem_forwarder" {
  url         = var.siem_endpoint
  description = "Forward all events to SIEM"
  event_types = ["event.*"]
  active      = true
}
"""
VARIABLES = """
variable "keeptrusts_api_url" {}
variable "keeptrusts_api_key" { sensitive = true }
variable "environment" { default = "dev" }
variable "max_tokens" { default = 4096 }
variable "blocked_topics" { default = ["insider trading", "weapons: how to"] }
variable "escalation_email" { default = "governance@example.com" }
variable "retention_hours" { default = 720 }
variable "slack_webhook_url" { default = "https://hooks.slack.com/services/T00/B00/guide" }
variable "siem_endpoint" { default = "https://siem.example.com/ingest" }
"""
MODULE = """
variable "environment" {}
variable "keeptrusts_api_url" {}
variable "keeptrusts_api_key" { sensitive = true }
variable "policy_path" {}

resource "keeptrusts_configuration" "main" {
  name        = "${var.environment}-policy"
  policy_yaml = file(var.policy_path)
}
"""
ENVIRONMENT = """
module "keeptrusts" {
  source             = "../../modules/keeptrusts-stack"
  environment        = "production"
  keeptrusts_api_url = var.keeptrusts_api_url
  keeptrusts_api_key = var.keeptrusts_api_key
  policy_path        = "${path.module}/policies/production.yaml"
}
"""


@pytest.fixture
def variables(server: Server) -> dict[str, str]:
    """The guide's way to the control plane: Terraform variables, no setting of Keeptrusts."""
    return {"TF_VAR_keeptrusts_api_url": server.url, "TF_VAR_keeptrusts_api_key": server.admin_key}


def listed(server: Server, noun: str) -> list[dict[str, Any]]:
    """What the control plane has."""
    answer = urllib3.request("GET", f"{server.url}/v1/{noun}", headers={"Authorization": f"Bearer {server.admin_key}"})
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def policies(workspace: Workspace) -> None:
    """The documents that the guide names, as they are shipped."""
    folder = workspace.folder / "policies"
    folder.mkdir()
    shutil.copy(KIT / "environments" / "production" / "policies" / "production.yaml", folder)
    shutil.copy(KIT / "policies" / "base-policy.yaml.tpl", folder)


def test_the_root_module(toolbox: Toolbox, server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    """Provider, both configurations and both webhooks: made, unchanged, imported into an empty state, deleted."""
    root = Workspace(toolbox, tmp_path / "root", variables)
    policies(root)
    for name, text in (
        ("provider.tf", PROVIDER),
        ("variables.tf", VARIABLES),
        ("configurations.tf", CONFIGURATIONS),
        ("webhooks.tf", WEBHOOKS),
    ):
        root.write(name, text)
    root.run("init").ok()
    root.run("validate").ok()
    assert root.plan() == 2
    root.apply().ok()
    assert root.plan() == 0

    addresses = root.addresses()
    made = {address: root.resource(address) for address in addresses}
    assert sorted(made) == [
        "keeptrusts_configuration.main",
        "keeptrusts_configuration.production",
        "keeptrusts_webhook.siem_forwarder",
        "keeptrusts_webhook.slack_alerts",
    ]
    assert made["keeptrusts_webhook.slack_alerts"]["format"] == "slack"
    there = {one["name"]: one for one in listed(server, "configurations")}
    assert there["production-policy"]["labels"] == {"environment": "production", "team": "platform"}
    assert "weapons: how to" in there["dev-policy"]["policy_yaml"]

    root.forget()
    for address in addresses:
        root.run("import", address, made[address]["id"]).ok()
    assert root.plan() == 0
    root.destroy().ok()
    assert not {"production-policy", "dev-policy"} & {one["name"] for one in listed(server, "configurations")}
    assert not {one["id"] for one in listed(server, "webhooks")} & {one["id"] for one in made.values()}


def test_the_shared_module(toolbox: Toolbox, server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    """`environments/production` calls `modules/keeptrusts-stack`; drift made by hand is status 2 and set right."""
    root = Workspace(toolbox, tmp_path / "environments" / "production", variables)
    policies(root)
    root.write("../../modules/keeptrusts-stack/main.tf", MODULE)
    root.write("../../modules/keeptrusts-stack/versions.tf", HEAD)
    root.write("main.tf", ENVIRONMENT)
    root.write("provider.tf", PROVIDER)
    root.write("variables.tf", VARIABLES)
    root.run("init").ok()
    root.run("validate").ok()
    assert root.plan() == 2
    root.apply().ok()
    assert root.plan() == 0
    (made,) = [one for one in listed(server, "configurations") if one["name"] == "production-policy"]

    root.forget()
    root.run("import", "module.keeptrusts.keeptrusts_configuration.main", "name=production-policy").ok()
    assert root.plan() == 0
    urllib3.request(
        "PATCH",
        f"{server.url}/v1/configurations/{made['id']}",
        json={"description": "changed in the console"},
        headers={"Authorization": f"Bearer {server.admin_key}"},
    )
    assert root.plan() == 2
    root.apply().ok()
    assert root.plan() == 0
    root.destroy().ok()
    assert "production-policy" not in {one["name"] for one in listed(server, "configurations")}


def test_a_key_that_is_not_taken(toolbox: Toolbox, server: Server, variables: dict[str, str], tmp_path: Path) -> None:
    """The guide's first trouble: status 1, and the advice names the variable that the guide uses."""
    root = Workspace(toolbox, tmp_path / "root", variables)
    policies(root)
    root.write("main.tf", PROVIDER + VARIABLES + CONFIGURATIONS)
    root.run("init").ok()
    wrong = {"TF_VAR_keeptrusts_api_key": "kt_key_0000000000000000_wrong"}
    refused = root.run("import", "keeptrusts_configuration.main", "cfg_1", env=wrong)
    assert refused.status == 1
    assert "Authentication failed" in refused.output
    assert "TF_VAR_keeptrusts_api_key" in refused.output
