"""A plan tells what a changed document means, and refuses a weaker one where that is not allowed."""

from __future__ import annotations

import json

import pytest

from support.terraform import CONFIGURATION, POLICY, SAME_POLICY, Workspace
from support.terraform_api import Api

pytestmark = pytest.mark.acceptance

GUARDED = """
resource "keeptrusts_configuration" "one" {
  name            = "one"
  policy_yaml     = file("${path.module}/policy.yaml")
  allow_weakening = %s
}
"""
PII = POLICY.replace("    - audit-logger", "    - pii-detector\n    - audit-logger").replace(
    "  audit-logger: {}", "  audit-logger: {}\n  pii-detector: {action: %s}"
)


def said(output: str) -> str:
    """Without the frame around diagnostics."""
    return " ".join(output.replace("│", " ").split())


def test_each_change_with_its_direction(workspace: Workspace) -> None:
    """Stricter and weaker values are named; another spelling says nothing."""
    workspace.main(GUARDED % "true", PII % "redact")
    workspace.apply().ok()
    workspace.main(GUARDED % "true", PII % "block")
    stricter = said(workspace.run("plan").ok().output)
    assert "Warning: The policy changes" in stricter
    assert "pii-detector.action: redact -> block (strengthens)" in stricter

    workspace.main(GUARDED % "true", POLICY)
    weaker = said(workspace.run("plan").ok().output)
    assert "Warning: The policy is weakened" in weaker
    assert "policies.chain" in weaker
    assert "pii-detector" in weaker
    assert "(weakens)" in weaker


def test_weakening_that_is_not_allowed(workspace: Workspace, api: Api) -> None:
    """An error of the plan at the attribute, and nothing is sent; what strengthens goes through."""
    workspace.main(GUARDED % "false", PII % "block")
    workspace.apply().ok()
    before = dict(api.objects)
    workspace.main(GUARDED % "false", PII % "redact")
    refused = workspace.run("apply", "-auto-approve")
    assert refused.status == 1
    assert "Error: The policy would be weakened" in refused.output
    assert "pii-detector.action: block -> redact (weakens)" in said(refused.output)
    assert "`allow_weakening` is false" in said(refused.output)
    assert api.objects == before

    workspace.main(GUARDED % "true", PII % "redact")
    workspace.apply().ok()
    workspace.main(GUARDED % "false", PII % "block")
    workspace.apply().ok()
    assert workspace.plan() == 0


def test_another_spelling_is_no_change(workspace: Workspace) -> None:
    """Not even with `allow_weakening = false`."""
    workspace.main(GUARDED % "false", POLICY)
    workspace.apply().ok()
    workspace.main(GUARDED % "false", SAME_POLICY)
    assert workspace.plan() == 0


def test_a_document_that_is_not_known_yet(workspace: Workspace) -> None:
    """It is compared when it is: at apply, which then is refused."""
    made = GUARDED.replace('file("${path.module}/policy.yaml")', "terraform_data.policy.output")
    source = 'resource "terraform_data" "policy" { input = file("${path.module}/policy.yaml") }\n'
    workspace.main(source + made % "false", PII % "block")
    workspace.apply().ok()
    workspace.main(source + made % "false", PII % "redact")
    refused = workspace.apply()
    assert refused.status == 1
    assert "The policy would be weakened" in refused.output


def test_a_state_from_before_the_argument(workspace: Workspace) -> None:
    """What an older provider wrote has the default: no difference."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    path = workspace.folder / "terraform.tfstate"
    state = json.loads(path.read_text(encoding="utf-8"))
    del state["resources"][0]["instances"][0]["attributes"]["allow_weakening"]
    path.write_text(json.dumps(state), encoding="utf-8")
    assert workspace.plan() == 0
