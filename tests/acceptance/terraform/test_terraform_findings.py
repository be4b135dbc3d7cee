"""What is wrong in a configuration is found before anything is made, and shown where it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.terraform import CONFIGURATION, POLICY, Workspace
from support.terraform_api import Api

pytestmark = pytest.mark.acceptance

WRONG_PROVIDER = """
provider "keeptrusts" {
  api_url                 = "localhost:8080"
  request_timeout_seconds = 0
  default_labels          = { team = "%s" }
}
"""
WRONG = """
resource "keeptrusts_webhook" "one" {
  url         = "ftp://siem.example.com"
  event_types = ["event.bloked"]
  format      = "teams"
}

resource "keeptrusts_webhook" "two" {
  url         = "https://user:pass@siem.example.com"
  event_types = []
  secret_wo   = "whsec_short"
}

resource "keeptrusts_gateway" "one" {
  name                  = ""
  configuration_version = 3
  fail_mode             = "open"
  labels                = { "" = "x" }
  timeouts {
    create = "soon"
    delete = "never"
  }
  rollout {
    strategy       = "blue"
    canary_percent = 101
  }
}

data "keeptrusts_configuration" "none" {
}
"""
LATE = """
resource "terraform_data" "address" {
  input = "%s"
}

provider "keeptrusts" {
  api_url        = terraform_data.address.output
  default_labels = { owner = terraform_data.address.id }
}

resource "keeptrusts_configuration" "one" {
  name        = "one"
  description = terraform_data.address.id
  policy_yaml = file("${path.module}/policy.yaml")
  labels      = { team = terraform_data.address.output }
}

resource "keeptrusts_gateway" "one" {
  name             = "gateway"
  configuration_id = keeptrusts_configuration.one.id
}

resource "keeptrusts_webhook" "one" {
  url         = "https://siem.example.com/${terraform_data.address.id}"
  event_types = ["event.*", terraform_data.address.id == "" ? "*" : "escalation.*"]
}
"""


def findings(workspace: Workspace) -> list[dict[str, Any]]:
    """Of `terraform validate`."""
    said = workspace.run("validate", "-json")
    found: list[dict[str, Any]] = json.loads(said.output)["diagnostics"]
    assert said.status == (1 if any(one["severity"] == "error" for one in found) else 0)
    return found


def places(found: list[dict[str, Any]], source: str) -> dict[str, list[str]]:
    """The first word of the line that each finding points to -> what the finding says."""
    told: dict[str, list[str]] = {}
    for one in found:
        line = source.splitlines()[one["range"]["start"]["line"] - 1]
        told.setdefault(line.split()[0], []).append(one["detail"])
    return told


def test_a_policy_that_does_not_lint(workspace: Workspace, api: Api) -> None:
    """Each finding stands at `policy_yaml`, with its code, its place in the document and a suggestion."""
    broken = POLICY.replace("    - audit-logger", "    - audit-loger").replace("pack:\n", "pack:\n  color: red\n")
    workspace.main(CONFIGURATION, broken)
    found = findings(workspace)
    told = places(found, (workspace.folder / "main.tf").read_text())
    assert list(told) == ["policy_yaml"]
    assert {one["summary"] for one in found if one["severity"] == "error"} == {"Invalid policy document"}
    text = "\n".join(told["policy_yaml"])
    assert "`audit-loger`" in text
    assert "audit-logger" in text.replace("audit-loger", "")
    assert "(line 14, column 7)" in text
    assert "`pack.color` (line 3, column 3)" in text
    assert api.requests == []


def test_a_policy_that_only_apply_would_show(workspace: Workspace, api: Api) -> None:
    """A text that is not known at validate is linted when it is, and nothing of it is made before."""
    broken = POLICY.replace("enabled: true", "enabled: maybe")
    text = "terraform_data.text.output"
    workspace.main(
        'resource "terraform_data" "text" {\n  input = file("${path.module}/policy.yaml")\n}\n'
        + CONFIGURATION.replace('file("${path.module}/policy.yaml")', text),
        broken,
    )
    assert findings(workspace) == []
    assert workspace.plan() == 2
    refused = workspace.apply()
    assert refused.status == 1
    assert "Invalid policy document" in refused.output
    assert api.of("configurations") == []


def test_every_wrong_argument_at_once(workspace: Workspace, api: Api) -> None:
    """Choices, ranges, URLs, event types, labels and what belongs together, each at its own line."""
    workspace.main(WRONG)
    told = places(findings(workspace), (workspace.folder / "main.tf").read_text())
    assert told.keys() == {
        "url", "event_types", "format", "secret_wo", "name", "configuration_version",
        "fail_mode", "labels", "create", "delete", "strategy", "canary_percent", "data", "resource",
    }  # fmt: skip
    assert any(text.endswith("did you mean `event.blocked`?") for text in told["event_types"])
    assert any("At least one event type" in text for text in told["event_types"])
    assert told["format"] == ["It must be `standard` or `slack` or `cloudevents`, not `teams`."]
    assert told["fail_mode"] == ["It must be `block` or `allow`, not `open`."]
    assert told["strategy"] == ["It must be `all` or `canary`, not `blue`."]
    assert any("a user or a password" in text for text in told["url"])
    assert "openssl rand" in told["secret_wo"][0]
    assert any("`secret_wo` and `secret_wo_version` go together" in text for text in told["resource"])
    workspace.main(WRONG_PROVIDER % ("x" * 256) + CONFIGURATION)
    told = places(findings(workspace), (workspace.folder / "main.tf").read_text())
    assert told.keys() == {"api_url", "request_timeout_seconds", "default_labels"}
    assert api.requests == []


def test_an_address_that_only_apply_will_show(workspace: Workspace, api: Api) -> None:
    """A provider whose URL, and resources whose texts, another resource makes: planned, applied, and then empty."""
    workspace.main(LATE % api.url)
    nowhere = {"KEEPTRUSTS_API_URL": ""}
    planned = workspace.run("plan", "-detailed-exitcode", env=nowhere)
    assert planned.status == 2, planned.output
    assert api.requests == []
    workspace.run("apply", "-auto-approve", env=nowhere).ok()
    (made,) = api.of("configurations")
    identifier = next(one for one in made["labels"].items() if one[0] == "owner")[1]
    assert made["labels"] == {"owner": identifier, "team": api.url}
    assert made["description"] == identifier
    assert workspace.run("plan", "-detailed-exitcode", env=nowhere).status == 0
    # and when the URL is to change, what is there is kept as it is until it is known
    workspace.main(LATE % (api.url + "/"))
    assert workspace.run("plan", "-detailed-exitcode", env=nowhere).status == 2
    workspace.run("apply", "-auto-approve", env=nowhere).ok()
    assert workspace.run("plan", "-detailed-exitcode", env=nowhere).status == 0


def test_what_is_read_cannot_wait_for_the_address(workspace: Workspace, api: Api) -> None:
    """A data source of a provider that only apply will know is an error that says how to go on."""
    workspace.main(LATE % api.url + 'data "keeptrusts_configuration" "other" {\n  name = "one"\n}\n')
    early = workspace.run("plan", env={"KEEPTRUSTS_API_URL": ""})
    assert early.status == 1
    assert "is not known yet" in " ".join(early.output.split())
    assert "-target" in early.output


def test_without_any_address_or_key(workspace: Workspace) -> None:
    """A provider that is not configured says where either comes from; validate needs neither."""
    workspace.main(CONFIGURATION)
    nothing = {"KEEPTRUSTS_API_URL": "", "KEEPTRUSTS_API_TOKEN": ""}
    workspace.run("validate", env=nothing).ok()
    refused = workspace.run("plan", env=nothing)
    assert refused.status == 1
    for name in ("KEEPTRUSTS_API_URL", "KEEPTRUSTS_API_KEY", "KEEPTRUSTS_API_TOKEN"):
        assert name in refused.output


def test_an_import_of_nothing(workspace: Workspace) -> None:
    """It says which call lists the right ids, and which other way there is to name one."""
    workspace.main(CONFIGURATION)
    for wrong in ("cfg_00000000000000000000000000000001", "name=nobody", "../webhooks"):
        refused = workspace.run("import", "keeptrusts_configuration.one", wrong)
        assert refused.status == 1
        assert "`GET /v1/configurations`" in refused.output
        assert "name=..." in refused.output
