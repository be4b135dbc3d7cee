"""Arguments that act in their own time: secrets by version, protection, waiting, labels."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest

from keeptrusts.core.version import VERSION
from support.terraform import CONFIGURATION, IMPATIENT, OTHER_POLICY, Workspace
from support.terraform_api import MADE_SECRET, Api, ProblemError, wait_until

pytestmark = pytest.mark.acceptance

SECRETS = ["whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]
WEBHOOK = """
variable "secret" {
  type      = string
  ephemeral = true
}

resource "keeptrusts_webhook" "one" {
  url               = "https://siem.example.com/hook"
  event_types       = ["event.*"]
  secret_wo         = var.secret
  secret_wo_version = %d
}
"""
GATEWAY = """
resource "keeptrusts_gateway" "one" {
  name             = "edge"
  configuration_id = keeptrusts_configuration.one.id
  wait_for_sync    = true
  timeouts {
    create = "20s"
    update = "1s"
  }
}
"""


def secrets_sent(api: Api) -> list[str]:
    return [one.body["secret"] for one in api.requests if one.body and "secret" in one.body]


def test_a_secret_is_sent_by_its_version(workspace: Workspace, api: Api) -> None:
    """A write-only secret goes out with the create and with each new version, never in between, and is in no state."""
    workspace.main(WEBHOOK % 1)
    workspace.run("apply", "-auto-approve", env={"TF_VAR_secret": SECRETS[0]}).ok()
    assert secrets_sent(api) == [SECRETS[0]]
    unchanged = workspace.run("plan", "-detailed-exitcode", env={"TF_VAR_secret": SECRETS[1]})
    assert unchanged.status == 0
    workspace.write("main.tf", (workspace.folder / "main.tf").read_text().replace("_version = 1", "_version = 2"))
    workspace.run("apply", "-auto-approve", env={"TF_VAR_secret": SECRETS[1]}).ok()
    assert secrets_sent(api) == SECRETS[:2]
    held = workspace.resource("keeptrusts_webhook.one")
    assert (held["secret_wo"], held["secret_wo_version"], held["signing_secret"]) == (None, 2, None)
    # given up: the control plane makes one, and only then the state holds it
    plain = (
        'resource "keeptrusts_webhook" "one" {\n  url = "https://siem.example.com/hook"\n  event_types = ["event.*"]\n}'
    )
    workspace.main(plain)
    workspace.apply().ok()
    assert workspace.resource("keeptrusts_webhook.one")["signing_secret"] == MADE_SECRET
    assert workspace.plan() == 0


def test_a_protected_configuration_is_not_deleted(workspace: Workspace, api: Api) -> None:
    """
    Not by destroy, nor without its block; the plan fails, so that nothing else is destroyed before it.

    After the protection is lifted, it is deleted. Lifting it is no change of the object.
    """
    guarded = CONFIGURATION.replace("\n}", "\n  deletion_protection = true\n}")
    used = 'resource "keeptrusts_gateway" "one" {\n  name = "edge"\n'
    workspace.main(f"{guarded}{used}  configuration_id = keeptrusts_configuration.one.id\n}}\n")
    workspace.apply().ok()
    refused = [workspace.destroy()]
    workspace.main(f"{used}}}\n")
    refused.append(workspace.apply())
    for one in refused:
        assert (one.status, one.output.count("Deletion is protected")) == (1, 1)
        assert "`deletion_protection` is true" in one.output
    assert api.calls("DELETE") + api.calls("PATCH") == 0
    workspace.main(
        f"{guarded}{used}  configuration_id = keeptrusts_configuration.one.id\n}}\n".replace("= true", "= false")
    )
    workspace.apply().ok()
    assert api.calls("PATCH") == 0
    workspace.destroy().ok()
    assert api.objects == {}


def instance(gateway: dict[str, Any], digest: str | None) -> None:
    """One instance reports what it runs."""
    gateway["instances"] = [
        {
            "instance_id": "edge-7", "version": "1.0.0", "active_digest": digest, "state": "in_sync",
            "last_seen_at": "2030-01-01T00:00:00Z", "last_error": None,
        }
    ]  # fmt: skip


def test_waiting_until_the_gateway_runs_it(workspace: Workspace, api: Api) -> None:
    """The apply ends when every instance reports the digest; past the time it is an error, and the change is kept."""
    workspace.main(CONFIGURATION + GATEWAY)
    arrived: list[float] = []

    def report() -> None:
        wait_until(lambda: bool(api.of("gateways")))
        time.sleep(1.5)
        with api.lock:
            arrived.append(time.monotonic())
            instance(api.of("gateways")[0], api.of("configurations")[0]["content_digest"])

    reporter = threading.Thread(target=report)
    reporter.start()
    workspace.apply().ok()
    assert time.monotonic() > arrived[0]
    reporter.join()
    assert workspace.plan() == 0
    # a gateway that stays behind: it is told which instance, for how long, and where to set it
    second = CONFIGURATION.replace('"one"', '"two"')
    workspace.main(CONFIGURATION + second + GATEWAY.replace("configuration.one", "configuration.two"))
    workspace.write("policy.yaml", OTHER_POLICY)
    late = workspace.apply()
    assert late.status == 1
    assert "The gateway is not in sync" in late.output
    for word in ("`edge-7`", "1s", "`timeouts`"):
        assert word in late.output
    assert workspace.resource("keeptrusts_gateway.one")["configuration_id"] == api.of("gateways")[0]["configuration_id"]
    assert workspace.plan() == 0


def test_a_control_plane_that_goes_away_while_waiting(workspace: Workspace, api: Api) -> None:
    """The gateway is made by then: it is in the state, with a warning that says what is not known."""
    workspace.main(IMPATIENT + CONFIGURATION + GATEWAY.replace('"20s"', '"1s"'))
    refused = ProblemError(503, "unavailable", "back soon")
    api.failures += [lambda one: refused if (one.method, one.noun) == ("GET", "gateways") else None] * 50
    made = workspace.apply().ok()
    assert "Its state is not known: back soon" in made.output
    assert workspace.resource("keeptrusts_gateway.one")["id"] in api.objects


def test_a_new_gateway_without_instances_is_kept(workspace: Workspace, api: Api) -> None:
    """Nobody runs it yet: a warning, for an error would have it replaced, and its tokens with it."""
    workspace.main(CONFIGURATION + GATEWAY.replace('"20s"', '"1s"'))
    made = workspace.apply().ok()
    assert "The gateway is not in sync yet" in made.output
    assert "No instance has reported yet" in made.output
    assert workspace.plan() == 0


def test_a_deletion_is_tried_for_as_long_as_is_said(workspace: Workspace, api: Api) -> None:
    """The control plane is away for a moment: an error and a whole state, or with `timeouts.delete` no matter."""
    patient = 'resource "keeptrusts_gateway" "one" {\n  name = "one"\n%s}\n'
    workspace.main(IMPATIENT + patient % "")
    workspace.apply().ok()
    api.fail("DELETE", 503, "unavailable")
    assert workspace.destroy().status == 1
    assert workspace.addresses() == ["keeptrusts_gateway.one"]
    workspace.main(IMPATIENT + patient % '  timeouts {\n    delete = "1m"\n  }\n  rollout {}\n')
    workspace.apply().ok()
    assert workspace.plan() == 0
    api.fail("DELETE", 503, "unavailable", 2)
    workspace.destroy().ok()
    assert api.of("gateways") == []


CANARY = """
resource "keeptrusts_gateway" "one" {
  name = "one"
%s}
"""


def test_a_rollout_by_shares(workspace: Workspace, api: Api) -> None:
    """It is declared, changed, seen when it was changed elsewhere, and gone with its block."""
    block = '  rollout {\n    strategy       = "canary"\n    canary_percent = %d\n  }\n'
    for percent in (10, 25):
        workspace.main(CANARY % (block % percent))
        workspace.apply().ok()
        assert api.of("gateways")[0]["deployment"] == {"strategy": "canary", "percent": percent}
        assert workspace.plan() == 0
    api.of("gateways")[0]["deployment"] = {"strategy": "all"}
    assert workspace.plan() == 2
    workspace.main(CANARY % "")
    workspace.apply().ok()
    assert api.of("gateways")[0]["deployment"] == {"strategy": "all"}
    for wrong, told in (
        ('  rollout {\n    strategy = "canary"\n  }\n', "needs `canary_percent`"),
        ("  rollout {\n    canary_percent = 5\n  }\n", 'needs `strategy = "canary"`'),
    ):
        workspace.main(CANARY % wrong)
        refused = workspace.run("plan")
        assert (refused.status, told in refused.output) == (1, True)


def test_an_instance_outside_of_a_canary_is_in_sync(workspace: Workspace, api: Api) -> None:
    """The wait is for what each is to run, which is not the same for all."""
    workspace.main(CONFIGURATION + GATEWAY.replace('"20s"', '"1s"'))
    workspace.apply().ok()
    instance(api.of("gateways")[0], "sha256:stable")
    api.of("gateways")[0]["instances"][0]["desired_digest"] = "sha256:stable"
    workspace.main(CONFIGURATION + GATEWAY.replace('"edge"', '"edges"'))
    workspace.apply().ok()


def test_default_labels_are_below_the_resources_own(workspace: Workspace, api: Api) -> None:
    """They are merged, a change of them is a difference of each resource, and an import tells the two apart."""
    text = 'provider "keeptrusts" {\n  default_labels = { team = "core", tier = "%s" }\n}\n' + CONFIGURATION.replace(
        "\n}", '\n  labels = { team = "platform" }\n}'
    )
    workspace.main(text % "1")
    workspace.apply().ok()
    assert api.of("configurations")[0]["labels"] == {"team": "platform", "tier": "1"}
    held = workspace.resource("keeptrusts_configuration.one")
    assert (held["labels"], held["effective_labels"]) == ({"team": "platform"}, {"team": "platform", "tier": "1"})
    workspace.main(text % "2")
    assert workspace.plan() == 2
    workspace.apply().ok()
    assert api.of("configurations")[0]["labels"] == {"team": "platform", "tier": "2"}
    workspace.forget()
    workspace.run("import", "keeptrusts_configuration.one", held["id"]).ok()
    assert workspace.plan() == 0


def test_whose_key_it_is(workspace: Workspace, api: Api) -> None:
    """`organization` is compared with the key's own, by name or id, before anything is planned."""
    text = 'provider "keeptrusts" {\n  organization = "%s"\n}\n' + CONFIGURATION
    for right in ("acme", "org_1"):
        workspace.main(text % right)
        assert workspace.plan() == 2
    workspace.main(text % "globex")
    refused = workspace.run("plan")
    assert refused.status == 1
    assert "belongs to `acme` (`org_1`), not to `globex`" in " ".join(refused.output.replace("│", " ").split())


def test_calls_and_processes_are_counted(workspace: Workspace, api: Api) -> None:
    """A plan starts three processes; twelve objects are read with three calls, and each call says who asks."""
    workspace.main(CONFIGURATION.replace('"one"\n', '"one-${count.index}"\n  count = 12\n', 1))
    workspace.apply().ok()
    assert api.calls("POST") == 12
    assert api.calls("GET") == 0
    planned = workspace.run("plan", "-detailed-exitcode", env={"TF_LOG": "DEBUG"})
    assert planned.status == 0
    assert planned.output.count("provider: starting plugin") == 3
    assert api.calls("GET") == 3
    agents = {one.headers["user-agent"] for one in api.requests}
    assert len(agents) == 1
    assert agents.pop().startswith(f"terraform-provider-keeptrusts/{VERSION} terraform/1.")


def test_a_state_of_another_version(workspace: Workspace, api: Api) -> None:
    """Attributes that an older state lacks are filled in, those that are gone are dropped, and nothing is changed."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    state = json.loads(workspace.state_text)
    held = state["resources"][0]["instances"][0]["attributes"]
    for name in ("change_message", "policy_kinds"):
        del held[name]
    held["gone"] = {"a": [1, 2]}
    workspace.write("terraform.tfstate", json.dumps(state | {"serial": state["serial"] + 1}))
    assert workspace.plan() == 0
    workspace.run("apply", "-refresh-only", "-auto-approve").ok()
    assert workspace.resource("keeptrusts_configuration.one")["policy_kinds"] == ["prompt-injection", "audit-logger"]
    assert "gone" not in workspace.resource("keeptrusts_configuration.one")
