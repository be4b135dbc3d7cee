"""`gdpr-compliance` beside `audit-logger`, and what the service that verifies consent is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.exchange import Caller, Exchange, Phase, Text
from keeptrusts.policy.asking import Ask
from keeptrusts.policy.kinds.gdpr_compliance import GdprCompliance
from keeptrusts.policy.lint import lint_document
from support.policy_cases import document


@pytest.mark.parametrize(
    ("logger", "found"),
    [
        ({"retention_days": 31}, ["E009"]),
        ({"retention_days": 31, "content": "full"}, ["E009"]),
        ({"retention_hours": 30 * 24}, []),
        ({"retention_days": 365, "content": "digest"}, []),
        ({"retention_days": 365, "content": "none"}, []),
    ],
)
def test_texts_are_kept_no_longer_than_it_says(logger: dict[str, Any], found: list[str]) -> None:
    """Records without texts may be."""
    report = lint_document(document({"gdpr-compliance": {"retention_days": 30}, "audit-logger": logger}))
    assert [finding.code for finding in report.errors] == found


def test_without_a_logger_no_text_is_kept() -> None:
    """So there is nothing to keep too long."""
    assert lint_document(document({"gdpr-compliance": {}})).valid


def test_the_service_is_told_what_was_found() -> None:
    """The token, who asks, and the categories of data; no text."""
    kind = GdprCompliance(consent_verification_endpoint="https://c.example/v", data_categories=("health", "pii"))
    caller = Caller(user_id="u1", headers={"x-consent-token": " t-1 "})
    said = kind.judge(Exchange(Phase.INPUT, (Text(("t",), "mail ada@example.com"),), caller=caller))

    assert isinstance(said, Ask)
    (question,) = said.questions
    assert (question.url, question.timeout_ms) == ("https://c.example/v", 2000)
    assert json.loads(question.body) == {"token": "t-1", "user_id": "u1", "data_categories": ["pii"]}
