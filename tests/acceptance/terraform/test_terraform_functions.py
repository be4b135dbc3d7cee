"""The provider's functions in real Terraform, which needs no control plane for them."""

from __future__ import annotations

import json

import pytest

from keeptrusts.policy.document import document_digest
from support.terraform import POLICY, SAME_POLICY, Workspace

pytestmark = pytest.mark.acceptance

OUTPUTS = """
output "findings" {
  value = provider::keeptrusts::lint(file("${path.module}/policy.yaml"))
}
output "digest" {
  value = provider::keeptrusts::digest(file("${path.module}/policy.yaml"))
}
output "merged" {
  value = yamldecode(provider::keeptrusts::merge(file("${path.module}/policy.yaml"), file("${path.module}/over.yaml")))
}
"""


def outputs(workspace: Workspace) -> dict[str, object]:
    found = json.loads(workspace.run("output", "-json").ok().output)
    return {name: one["value"] for name, one in found.items()}


@pytest.mark.parametrize("policy", [POLICY, SAME_POLICY])
def test_a_sound_document(workspace: Workspace, policy: str) -> None:
    """No findings, the digest of its meaning, and an overlay that replaces what it names."""
    workspace.write("over.yaml", "pack: {name: other}\npolicies: {chain: [pii-detector]}\n")
    workspace.main(OUTPUTS, policy)
    workspace.apply().ok()
    found = outputs(workspace)
    assert found["findings"] == []
    assert found["digest"] == document_digest(POLICY)
    merged = found["merged"]
    assert isinstance(merged, dict)
    assert merged["pack"] == {"name": "other", "version": "1.0.0", "enabled": True}
    assert merged["policies"] == {"chain": ["pii-detector"]}
    assert merged["providers"] == {"targets": [{"id": "primary", "provider": "mock"}]}


def test_findings_are_values(workspace: Workspace) -> None:
    """A document that is not valid is no error of `lint`: it is what it gives."""
    workspace.main(
        OUTPUTS.partition('output "digest"')[0], POLICY.replace("prompt-injection\n", "prompt-injektion\n", 1)
    )
    workspace.apply().ok()
    found = outputs(workspace)["findings"]
    assert isinstance(found, list)
    first = found[0]
    assert (first["code"], first["severity"], first["path"], first["line"]) == (
        "E001", "error", "policies.chain[0]", 12,
    )  # fmt: skip
    assert "prompt-injection" in first["suggestion"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('digest("pack: 1")', "the policy document is not valid"),
        ('merge("a: 1", "- b")', "`overlay` is not a mapping"),
        ('merge("a: [", "b: 1")', "`base:1:"),
        ("digest(1, 2)", "Too many function arguments"),
    ],
)
def test_wrong_arguments_are_told(workspace: Workspace, call: str, said: str) -> None:
    """At the argument, with what is wrong in it."""
    workspace.main(f'output "x" {{ value = provider::keeptrusts::{call} }}')
    failed = workspace.run("plan")
    assert failed.status == 1
    assert said in " ".join(failed.output.replace("│", " ").split())


def test_what_is_unknown_waits(workspace: Workspace) -> None:
    """A document that another resource makes is looked at when it is there."""
    workspace.main(
        'resource "terraform_data" "made" { input = file("${path.module}/policy.yaml") }\n'
        'output "x" { value = provider::keeptrusts::digest(terraform_data.made.output) }'
    )
    workspace.apply().ok()
    assert outputs(workspace)["x"] == document_digest(POLICY)
