"""`kt events why`: a decision in words."""

from __future__ import annotations

from typing import Any

import click
import pytest

from keeptrusts.cli.events_why import explain, judge_again
from keeptrusts.policy.document import compile_document
from support.policy_cases import document
from support.records import Instance

DOCUMENT = document({"secret-scanner": {"action": "block"}, "pii-detector": {}, "audit-logger": {"content": "full"}})
KEY = "my key is AKIAQ3ERTY7UI2OPASDF"


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


def kept(verdict: str, request: str | None, **changed: Any) -> dict[str, Any]:
    """A record with this text kept; None: without texts."""
    said = [{"role": "user", "part": "content", "text": request}]
    content = None if request is None else {"request": said, "answer": []}
    digest = compile_document(DOCUMENT).digest
    return Instance().decision(verdict, content=content, config_digest=digest, **changed)


def judged(event: dict[str, Any], text: str = DOCUMENT) -> str:
    return click.unstyle("\n".join(judge_again(event, text, "version 3")))


@pytest.mark.parametrize(
    ("verdict", "request_text", "told"),
    [
        ("blocked", KEY, "judged again by version 3: blocked, secret_scanner.aws_access_key; as recorded"),
        ("allowed", "good morning", "judged again by version 3: allowed, all_policies_passed; as recorded"),
        (
            "redacted",
            "write to <EMAIL_1>",
            "recorded was redacted\n    the texts were kept as the policies had left them",
        ),
        ("blocked", "good morning", "recorded was blocked\n    what was kept of the request is not all"),
        ("blocked", None, "not judged again by version 3: the texts were not kept"),
        ("failed", KEY, "not judged again by version 3: no record of a decision on a request"),
    ],
)
def test_it_is_judged_again(verdict: str, request_text: str | None, told: str) -> None:
    """By the document that ran, as far as the texts were kept; nothing of them is shown."""
    text = judged(kept(verdict, request_text))

    assert told in text
    assert "AKIA" not in text


def test_another_document_than_the_one_that_ran() -> None:
    """It is told so; and one that does not lint judges nothing."""
    event = kept("blocked", KEY)
    other = judged(event, document({"audit-logger": {}}))

    assert "version 3 is not the document that ran: its digest is sha256:" in other
    assert "judged again by version 3: allowed" in other
    assert "does not lint here" in judged(event, "pack: 5\n")
