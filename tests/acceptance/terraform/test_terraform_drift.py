"""`kt terraform drift`: what differs is named, drift is 2 and nothing else is, and a chat is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from support.server import KT
from support.terraform import CONFIGURATION, OTHER_POLICY, POLICY, Workspace
from support.terraform_api import Api

pytestmark = pytest.mark.acceptance

PII = POLICY.replace("    - audit-logger", "    - pii-detector\n    - audit-logger").replace(
    "  audit-logger: {}", "  audit-logger: {}\n  pii-detector: {action: %s}"
)
STRICTER, LOOSER = PII % "block", PII % "redact"
HOOK = """
variable "header" {
  sensitive = true
}

resource "keeptrusts_webhook" "one" {
  url         = "https://siem.example.com/one"
  event_types = ["event.*"]
  headers     = { Authorization = var.header }
}

resource "keeptrusts_gateway" "edge" {
  name             = "edge"
  configuration_id = keeptrusts_configuration.one.id
}
"""
HEADER = "planted-header-value-77b1"


def drift(workspace: Workspace, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """As a scheduled job runs it; both streams together are looked through for what must not be shown."""
    environment = workspace.toolbox.environment({**workspace.api, "TF_VAR_header": HEADER, **env})
    done = subprocess.run(
        [str(KT), "terraform", "drift", "--dir", str(workspace.folder), *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert HEADER not in done.stdout + done.stderr
    assert "hooks/secret-path" not in done.stdout + done.stderr
    return done


@pytest.fixture
def applied(workspace: Workspace) -> Workspace:
    """A policy, a gateway and a webhook with a secret header."""
    workspace.main(CONFIGURATION + HOOK, LOOSER)
    workspace.run("apply", "-auto-approve", env={"TF_VAR_header": HEADER}).ok()
    return workspace


@contextmanager
def chat(status: int) -> Iterator[tuple[str, list[Any]]]:
    """The URL of one that answers so, and what it was told."""
    told: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/secret-path", told
        finally:
            server.shutdown()
            thread.join()


def addresses(report: Mapping[str, Any]) -> dict[str, Any]:
    return {one["address"]: one for one in report["resources"]}


def test_what_differs_is_named(applied: Workspace, api: Api) -> None:
    """Nothing at first; then what somebody changed or deleted, what the files changed, and who runs something else."""
    quiet = drift(applied, "--format", "json")
    assert (quiet.returncode, json.loads(quiet.stdout)["drift"]) == (0, False)
    assert "No changes." in quiet.stderr

    (policy,), (gateway,), (hook,) = (api.of(noun) for noun in ("configurations", "gateways", "webhooks"))
    applied.write("policy.yaml", STRICTER)
    api.edit(gateway["id"], description="changed by hand", environment="staging")
    del api.objects[hook["id"]]
    gateway["instances"] = [
        {"instance_id": "gwi_1", "active_digest": "sha256:old", "last_error": None},
        {"instance_id": "gwi_2", "active_digest": policy["content_digest"], "last_error": None},
    ]
    with chat(200) as (url, told):
        found = drift(applied, "--json", "--link", "https://ci.example.com/1", DRIFT_WEBHOOK_URL=url)
    assert found.returncode == 2, found.stderr
    assert "terraform apply" not in found.stderr, "the file of the plan is gone"
    report = json.loads(found.stdout)
    of = addresses(report)
    assert set(of) == {"keeptrusts_configuration.one", "keeptrusts_gateway.edge", "keeptrusts_webhook.one"}
    document = of["keeptrusts_configuration.one"]
    assert (document["what"], document["outside"], document["attributes"]) == ("changed", False, ["policy_yaml"])
    assert document["policy"] == ["pii-detector.action: block -> redact (weakens)"]
    assert document["weakened"] is True
    assert document["link"] == f"{api.url}/v1/configurations/{policy['id']}"
    edge = of["keeptrusts_gateway.edge"]
    assert (edge["what"], edge["outside"], edge["attributes"]) == ("changed", True, ["description", "environment"])
    gone = of["keeptrusts_webhook.one"]
    assert (gone["what"], gone["outside"], gone["link"]) == ("missing", True, None)
    (behind,) = report["gateways"]
    assert (behind["name"], behind["instances"]) == ("edge", {"gwi_1": "runs sha256:old"})
    assert behind["link"] == f"{api.url}/v1/gateways/{gateway['id']}"
    (said,) = told
    assert said["text"] == (
        "Keeptrusts drift in module: keeptrusts_configuration.one (policy_yaml), "
        "keeptrusts_gateway.edge (description, environment), keeptrusts_webhook.one. "
        "Weaker than declared: keeptrusts_configuration.one. Gateways behind: edge. "
        "Reconcile with terraform apply. https://ci.example.com/1"
    )


def test_gateways_alone(applied: Workspace, api: Api) -> None:
    """A gateway that runs something else is drift although the plan is empty; whoever does not ask does not see it."""
    (gateway,) = api.of("gateways")
    gateway["instances"] = [{"instance_id": "gwi_1", "active_digest": None, "last_error": "it does not verify"}]
    found = drift(applied)
    assert found.returncode == 2
    digest = api.of("configurations")[0]["content_digest"]
    assert found.stdout.splitlines() == [
        f"gateway edge does not run {digest}",
        "  gwi_1: it does not verify",
        f"  {api.url}/v1/gateways/{gateway['id']}",
    ]
    unasked = drift(applied, "--no-gateways")
    assert (unasked.returncode, unasked.stdout) == (0, "")
    assert "the gateways were not asked" in unasked.stderr


def test_what_is_no_drift_is_an_error(applied: Workspace, api: Api) -> None:
    """A key that expired, no state, no Terraform, a wrong option: 1, with a reason, and the chat hears of nothing."""
    bad = drift(applied, "--not-an-option")
    assert (bad.returncode, "No such option" in bad.stderr) == (1, True)
    assert drift(applied, "--terraform", "no-such-terraform").returncode == 1
    with chat(200) as (url, told):
        expired = drift(applied, KEEPTRUSTS_API_TOKEN="kt_key_gone", DRIFT_WEBHOOK_URL=url)
        assert (expired.returncode, expired.stdout) == (1, "")
        assert "Authentication failed" in expired.stderr
        assert "error[terraform_failed]: `terraform plan` failed with 1; this is not drift" in expired.stderr
        unknown = drift(applied, "--gateways", "--api-token-file", os.devnull, KEEPTRUSTS_API_TOKEN="")
        assert unknown.returncode == 1
        applied.forget()
        fresh = drift(applied, DRIFT_WEBHOOK_URL=url)
        assert (fresh.returncode, fresh.stdout) == (1, "")
        assert "error[no_state]: there is no state to compare with" in fresh.stderr
    assert told == []


def test_a_chat_that_hears_nothing(applied: Workspace, api: Api) -> None:
    """Drift that cannot be told is a failed job; the report is there all the same, and the URL is not shown."""
    applied.write("policy.yaml", OTHER_POLICY)
    with chat(500) as (url, told):
        found = drift(applied, DRIFT_WEBHOOK_URL=url)
    assert found.returncode == 1
    assert len(told) == 3
    assert found.stdout.startswith("keeptrusts_configuration.one differs (not applied yet): policy_yaml\n")
    assert "error[webhook_failed]" in found.stderr


def test_without_init(applied: Workspace) -> None:
    """A fresh checkout is initialised first, and arguments of the plan are passed on."""
    shutil.rmtree(applied.folder / ".terraform")
    applied.write("other.tfvars", f'header = "{HEADER}"\n')
    found = drift(applied, "--", "-var-file=other.tfvars", "-target=keeptrusts_configuration.one")
    assert (found.returncode, found.stdout) == (0, "")
