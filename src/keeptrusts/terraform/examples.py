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
    "keeptrusts_gateway_token": """\
resource "keeptrusts_gateway_token" "edge" {
  gateway_id  = keeptrusts_gateway.edge.id
  expires_in  = "90d"
  rotate_when = { quarter = "2026-q4" }

  lifecycle {
    create_before_destroy = true
  }
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
    "keeptrusts_api_key": """\
resource "keeptrusts_api_key" "dashboard" {
  name       = "dashboard"
  role       = "viewer"
  scopes     = ["events:read"]
  expires_in = "90d"
}
""",
    "keeptrusts_config_variable": """\
variable "openai_key" {
  type      = string
  ephemeral = true
}

resource "keeptrusts_config_variable" "openai" {
  name             = "openai-key"
  description      = "Key of the provider, for secret_key_ref: {store: openai-key}"
  value_wo         = var.openai_key
  value_wo_version = 1
}

# A host that is no known provider's has to be named.
variable "azure_key" {
  type      = string
  ephemeral = true
}

resource "keeptrusts_config_variable" "azure" {
  name             = "azure-key"
  value_wo         = var.azure_key
  value_wo_version = 1
  allowed_hosts    = ["mine.openai.azure.com"]
}
""",
}
DATA_SOURCES: Final[Mapping[str, str]] = {
    "keeptrusts_configuration": """\
data "keeptrusts_configuration" "shared" {
  name = "production-policy"
}
""",
    "keeptrusts_configurations": """\
data "keeptrusts_configurations" "of_production" {
  labels = { environment = "production" }
}

output "policies_of_production" {
  value = {
    for one in data.keeptrusts_configurations.of_production.configurations : one.name => one.version
  }
}
""",
    "keeptrusts_drift": """\
data "keeptrusts_drift" "fleet" {}

check "the_fleet_runs_what_is_declared" {
  assert {
    condition     = !data.keeptrusts_drift.fleet.drifted
    error_message = "Behind: ${join(", ", data.keeptrusts_drift.fleet.drifted_gateways)}."
  }
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
    "keeptrusts_gateways": """\
data "keeptrusts_gateways" "all" {}

output "gateways_out_of_sync" {
  value = [for one in data.keeptrusts_gateways.all.gateways : one.name if !one.in_sync]
}
""",
    "keeptrusts_policy_document": """\
data "keeptrusts_policy_document" "production" {
  policy_yaml = file("${path.module}/policies/production.yaml")

  lifecycle {
    postcondition {
      condition     = contains(self.kinds, "audit-logger")
      error_message = "Production keeps an audit trail."
    }
  }
}
""",
    "keeptrusts_policy_impact": """\
data "keeptrusts_policy_impact" "next" {
  configuration_id        = keeptrusts_configuration.production.id
  policy_yaml             = file("${path.module}/policies/production.yaml")
  window                  = "24h"
  max_newly_blocked_ratio = 0.01
}
""",
    "keeptrusts_webhook": """\
data "keeptrusts_webhook" "siem" {
  url = "https://siem.example.com/ingest"
}
""",
}
EPHEMERALS: Final[Mapping[str, str]] = {
    "keeptrusts_gateway_token": """\
ephemeral "keeptrusts_gateway_token" "probe" {
  gateway_id = keeptrusts_gateway.edge.id
  expires_in = "10m"
}
""",
    "keeptrusts_api_key": """\
ephemeral "keeptrusts_api_key" "reader" {
  name       = "terraform-run"
  role       = "viewer"
  expires_in = "10m"
}

provider "keeptrusts" {
  alias   = "reader"
  api_url = "https://keeptrusts.example.com"
  api_key = ephemeral.keeptrusts_api_key.reader.key
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
IMPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "keeptrusts_configuration": ("production", "cfg_0192f0c1a2b37c4d8e5f60718293a4b5", "name=production-policy"),
    "keeptrusts_gateway": ("edge", "gw_0192f0c1a2b37c4d8e5f60718293a4b5", "name=production-edge"),
    "keeptrusts_gateway_token": ("edge", "key_0192f0c1a2b37c4d8e5f60718293a4b5"),
    "keeptrusts_api_key": ("dashboard", "key_0192f0c1a2b37c4d8e5f60718293a4b5", "name=dashboard"),
    "keeptrusts_config_variable": ("openai", "var_0192f0c1a2b37c4d8e5f60718293a4b5", "name=openai-key"),
    "keeptrusts_webhook": ("siem", "wh_0192f0c1a2b37c4d8e5f60718293a4b5", "url=https://siem.example.com/ingest"),
}
"""Type -> the name of its example, an id, and what else may stand for the id."""
_LOST: Final = " The secret was shown once, to whoever made it, and is null after an import."
LOST_BY_IMPORT: Final[Mapping[str, str]] = {"keeptrusts_gateway_token": _LOST, "keeptrusts_api_key": _LOST}
