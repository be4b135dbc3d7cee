"""`kt events why`: a decision in words."""

from __future__ import annotations

import click

from keeptrusts.cli.events_why import explain
from support.records import Instance


def test_it_names_who_objected_and_what_was_found() -> None:
    """And under which configuration, and who was not asked any more."""
    findings = [{"category": "aws_key", "count": 2}]
    policies = [
        {"kind": "secret-scanner", "phase": "input", "verdict": "blocked", "reason_code": "secret_scanner.aws_key",
         "mode": "enforce", "findings": findings},
        {"kind": "rbac", "phase": "input", "verdict": "skipped", "reason_code": "skipped"},
    ]  # fmt: skip
    event = Instance().decision(
        "blocked", policies=policies, phase="input", configuration_id="cfg_1", configuration_version=3
    )
    text = click.unstyle("\n".join(explain(event)))
    assert "blocked with status 409 in the phase `input`" in text
    assert "`secret-scanner` said blocked in `input`: secret_scanner.aws_key; found 2 x aws_key" in text
    assert "not asked any more: `rbac`" in text
    assert "configuration `cfg_1` version 3" in text


def test_what_no_policy_said_is_explained() -> None:
    """Passed, failed open, escalated, lost."""
    one = Instance()
    assert "every policy let it pass" in "\n".join(explain(one.decision()))
    event = one.decision("escalated", escalation_id="esc_1", degraded=True, reason_code="escalation_pending")
    text = click.unstyle("\n".join(explain(event)))
    assert "kt escalation show esc_1" in text
    assert "--fail-mode allow" in text
    assert "a person had not decided yet" in text
    assert "records 3 to 5" in "\n".join(explain(one.gap(3, 5)))
