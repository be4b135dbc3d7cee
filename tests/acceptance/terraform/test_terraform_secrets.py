"""Planted secrets are searched for in everything that Terraform writes: logs, plan files, state."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path

import pytest

from support.terraform import CONFIGURATION, Workspace
from support.terraform_api import KEY, Api, ProblemError

pytestmark = pytest.mark.acceptance

HEADER = "planted-header-value-8d1f"
WRITE_ONLY = "whsec_" + base64.b64encode(b"planted-write-only-secret-1f").decode()
STORED = "whsec_" + base64.b64encode(b"planted-secret-of-the-state").decode()
ENVIRONMENT = {"TF_VAR_write_only": WRITE_ONLY, "TF_VAR_stored": STORED, "TF_VAR_header": HEADER}
HOOKS = """
variable "write_only" {
  type      = string
  ephemeral = true
}

variable "stored" {
  sensitive = true
}

variable "header" {
  sensitive = true
}

resource "keeptrusts_webhook" "one" {
  url               = "https://siem.example.com/one"
  event_types       = ["event.*"]
  headers           = { Authorization = var.header }
  secret_wo         = var.write_only
  secret_wo_version = %d
}

resource "keeptrusts_webhook" "two" {
  url         = "https://siem.example.com/two"
  event_types = ["event.*"]
  secret      = var.stored
}
"""


def unpacked(plan: Path) -> bytes:
    """Everything in a plan file."""
    with zipfile.ZipFile(plan) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_secrets_stay_where_they_belong(workspace: Workspace, api: Api) -> None:
    """
    The key and the write-only secret are in no file at all; what the state has to hold is shown nowhere else.

    Everything is done under `TF_LOG=TRACE`: a create, a read, a refused update that repeats the secrets, a delete.
    """
    log = workspace.folder / "trace.log"
    tracing = ENVIRONMENT | {"TF_LOG": "TRACE", "TF_LOG_PATH": str(log)}
    workspace.main(HOOKS % 1 + CONFIGURATION)
    shown = workspace.run("plan", "-out=plan", env=tracing).ok().output
    shown += workspace.run("apply", "plan", env=tracing).ok().output
    workspace.main(HOOKS % 2)
    planned = workspace.run("plan", "-out=second", env=tracing).ok()
    said = f"{KEY} {HEADER} {WRITE_ONLY}"
    api.failures.append(lambda request: ProblemError(422, "odd", said) if request.method == "PATCH" else None)
    refused = workspace.run("apply", "second", env=tracing)
    assert refused.status == 1
    assert "(hidden) (hidden) (hidden)" in " ".join(refused.output.replace("│", " ").split())
    shown += planned.output + refused.output + workspace.run("show", env=tracing).ok().output

    sent = [one.body["secret"] for one in api.requests if one.body and "secret" in one.body]
    assert set(sent) == {WRITE_ONLY, STORED}
    traced = log.read_text(encoding="utf-8")
    assert "GRPCProvider.v6: ApplyResourceChange" in traced
    for secret in (KEY, WRITE_ONLY, STORED, HEADER):
        assert secret not in shown
        assert secret not in traced
    for secret in (KEY, WRITE_ONLY):
        assert secret not in workspace.state_text
        assert secret.encode() not in unpacked(workspace.folder / "plan") + unpacked(workspace.folder / "second")
    for secret in (HEADER, STORED):
        assert secret in workspace.state_text


def test_a_provider_that_fails_shows_no_value(workspace: Workspace, api: Api) -> None:
    """An answer that is no JSON of ours, with the key in it, ends as a diagnostic and not as a traceback."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    identifier = workspace.resource("keeptrusts_configuration.one")["id"]
    del api.objects[identifier]["labels"]
    api.objects[identifier]["name"] = KEY
    refused = workspace.run("plan", env={"TF_LOG": "ERROR"})
    assert refused.status == 1
    assert KEY not in refused.output
    assert "KeyError in the provider" in refused.output
    assert "KeyError in /tfplugin6.Provider/ReadResource" in refused.output
