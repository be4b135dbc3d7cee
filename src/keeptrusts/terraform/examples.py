"""The examples of the reference pages. Together they are one module, which a test applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = """\
terraform {
  required_providers {
    keeptrusts = {
      source  = "keeptrusts/keeptrusts"
      version = "~> 1.0"
    }
  }
}

variable "keeptrusts_api_key" {
  type      = string
  sensitive = true
}

provider "keeptrusts" {
  api_url = "https://keeptrusts.example.com"
  api_key = var.keeptrusts_api_key

  default_labels = {
    managed-by = "terraform"
  }
}
"""
RESOURCES: Final[Mapping[str, str]] = {
    "keeptrusts_configuration": """\
resource "keeptrusts_configuration" "production" {
  name        = "production-policy"
  description = "Production AI governance policy"
  policy_yaml = file("${path.module}/policies/production.yaml")

  labels = {
    environment = "production"
    team        = "platform"
  }
}
""",
    "keeptrusts_gateway": """\
resource "keeptrusts_gateway" "edge" {
  name             = "production-edge"
  environment      = "production"
  configuration_id = keeptrusts_configuration.production.id
  fail_mode        = "block"
}
""",
    "keeptrusts_webhook": """\
resource "keeptrusts_webhook" "slack_alerts" {
  url         = "https://hooks.slack.com/services/T00/B00/example"
  description = "Slack alerts for policy violations"
  event_types = ["event.blocked", "escalation.created"]
}

# With a secret of your own that neither plan nor state holds (Terraform 1.11 or later).
variable "siem_secret" {
  type      = string
  ephemeral = true
}

resource "keeptrusts_webhook" "siem" {
  url               = "https://siem.example.com/ingest"
  event_types       = ["event.*"]
  secret_wo         = var.siem_secret
  secret_wo_version = 1
}
""",
}
DATA_SOURCES: Final[Mapping[str, str]] = {
    "keeptrusts_configuration": """\
data "keeptrusts_configuration" "shared" {
  name = "production-policy"
}
""",
    "keeptrusts_gateway": """\
data "keeptrusts_gateway" "edge" {
  name = "production-edge"
}

output "edge_is_in_sync" {
  value = data.keeptrusts_gateway.edge.active_digest == data.keeptrusts_gateway.edge.desired_digest
}
""",
    "keeptrusts_webhook": """\
data "keeptrusts_webhook" "siem" {
  url = "https://siem.example.com/ingest"
}
""",
}
FUNCTIONS: Final[Mapping[str, str]] = {
    "lint": """\
output "policy_warnings" {
  value = [
    for finding in provider::keeptrusts::lint(file("${path.module}/policies/production.yaml")) :
    "line ${finding.line}: ${finding.message}"
  ]
}
""",
    "digest": """\
check "the_edge_runs_this_file" {
  assert {
    condition = (
      keeptrusts_gateway.edge.desired_digest ==
      provider::keeptrusts::digest(file("${path.module}/policies/production.yaml"))
    )
    error_message = "production-edge is to run another document."
  }
}
""",
    "merge": """\
locals {
  staging_policy = provider::keeptrusts::merge(
    file("${path.module}/policies/production.yaml"),
    yamlencode({ pack = { name = "staging" } }),
  )
}
""",
}
IMPORTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "keeptrusts_configuration": ("production", "cfg_0192f0c1a2b37c4d8e5f60718293a4b5", "name=production-policy"),
    "keeptrusts_gateway": ("edge", "gw_0192f0c1a2b37c4d8e5f60718293a4b5", "name=production-edge"),
    "keeptrusts_webhook": ("siem", "wh_0192f0c1a2b37c4d8e5f60718293a4b5", "url=https://siem.example.com/ingest"),
}
"""Type -> the name of its example, an id, and what else may stand for the id."""
