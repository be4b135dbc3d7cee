"""What kinds ask of the others in their chain."""

from __future__ import annotations

from typing import Any

import pytest

from keeptrusts.policy.lint import lint_document
from support.policy_cases import document


def found(blocks: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in lint_document(document(blocks)).errors]


@pytest.mark.parametrize(
    ("hours", "articles", "faults"),
    [
        (184 * 24, [], []),
        (184 * 24 - 1, [], [("E009", "policy.eu-ai-act")]),
        (24, [19], [("E009", "policy.eu-ai-act")]),
    ],
)
def test_records_of_high_risk_are_kept_for_six_months(
    hours: int, articles: list[int], faults: list[tuple[str, str]]
) -> None:
    """Art. 19(1) and 26(6) of the AI Act, to the hour."""
    act = {"risk_class": "high", "articles": articles}

    assert found({"eu-ai-act": act, "audit-logger": {"retention_hours": hours}}) == faults


@pytest.mark.parametrize(("articles", "count"), [([], 0), ([50], 0), ([12], 1), ([26], 1)])
def test_of_other_classes_only_where_such_an_article_is_named(articles: list[int], count: int) -> None:
    """The floor holds for systems of high risk, and for whoever says that it does."""
    assert len(found({"eu-ai-act": {"articles": articles}, "audit-logger": {"retention_days": 7}})) == count


def test_without_a_logger_records_are_kept_for_a_year() -> None:
    """Which is enough."""
    assert found({"eu-ai-act": {"risk_class": "high", "articles": [12, 19, 26]}}) == []


def test_an_article_is_served_by_a_kind_in_the_chain() -> None:
    """One of several; the finding stands at the article."""
    act = {"articles": [10, 14, 15]}

    assert found({"eu-ai-act": act, "pii-detector": {}}) == [
        ("E009", "policy.eu-ai-act.articles[1]"),
        ("E009", "policy.eu-ai-act.articles[2]"),
    ]
    assert found({"eu-ai-act": act, "pii-detector": {}, "human-oversight": {}, "secret-scanner": {}}) == []


def test_it_is_not_asked_where_a_block_is_wrong() -> None:
    """One fault, one finding: what the chain would be is not known."""
    chain = {"eu-ai-act": {"articles": [14]}, "human-oversight": {"action": "shrug"}}

    assert found(chain) == [("E003", "policy.human-oversight.action")]
