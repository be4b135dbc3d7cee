"""What is changed in a block to see whether a test notices."""

from __future__ import annotations

from typing import Any

import pytest

from keeptrusts.policy.analysis import sound
from keeptrusts.policy.mutants import mutants
from support.policy_cases import document


def words(kind: str, block: dict[str, Any]) -> list[tuple[str, str]]:
    """Where each mutant differs, and how."""
    policy = sound(document({kind: block}))[0].blocks[kind]
    return [(".".join(map(str, one.keys)), one.change) for one in mutants(policy)]


@pytest.mark.parametrize(
    ("kind", "block", "keys", "change"),
    [
        ("token-limit", {"max_messages": 5}, "max_messages", "`5` becomes `10`"),
        ("token-limit", {"max_tokens": 1, "on_exceed": "block"}, "on_exceed", "`block` becomes `clamp`"),
        ("prompt-injection", {"embedding_threshold": 0.3}, "embedding_threshold", "`0.3` becomes `0.6`"),
        ("prompt-injection", {"embedding_threshold": 0.8}, "embedding_threshold", "`0.8` becomes `1.0`"),
        ("prompt-injection", {}, "encoding.decode_base64", "true becomes false"),
        ("prompt-injection", {}, "response.action", "`block` becomes `escalate`"),
        ("dlp-filter", {"blocked_terms": ["a", "b"]}, "blocked_terms.1", "`b` dropped"),
        ("dlp-filter", {"max_distance": 1}, "max_distance", "`1` becomes `0`"),
        ("topic-filter", {"blocked_topics": [{"label": "x", "phrases": ["a", "b"]}]}, "blocked_topics.0.phrases.1",
         "`b` dropped"),
        ("topic-filter", {"blocked_topics": ["a"]}, "blocked_topics.0", "`a` dropped"),
        ("eu-ai-act", {"risk_class": "limited"}, "risk_class", "`limited` becomes `minimal`"),
        ("rbac", {"roles": {"r": {"denied_tools": ["x"]}}}, "roles.r", "dropped"),
        ("rbac", {"roles": {"r": {"denied_tools": ["x"]}}}, "roles.r.denied_tools.0", "`x` dropped"),
        ("data-routing-policy", {"allowed_regions": ["b", "a"]}, "allowed_regions.0", "`a` dropped"),
    ],
)  # fmt: skip
def test_one_thing_is_dropped_or_made_more_lenient(kind: str, block: dict[str, Any], keys: str, change: str) -> None:
    """Each rule, each number and choice, one at a time."""
    assert (keys, change) in words(kind, block)


@pytest.mark.parametrize(
    ("kind", "block", "keys"),
    [
        ("topic-filter", {"message": "no"}, "message"),
        ("topic-filter", {"blocked_topics": [{"label": "x", "phrases": ["a"]}]}, "blocked_topics.0.phrases.0"),
        ("prompt-injection", {"response": {"action": "log"}}, "response.action"),
        ("prompt-injection", {"embedding_threshold": 1.0}, "embedding_threshold"),
        ("token-limit", {}, "max_messages"),
        ("audit-logger", {"hipaa_audit_controls": True, "retention_days": 2190}, "retention_days"),
        ("eu-ai-act", {"articles": [50]}, "articles.0"),
        ("eu-ai-act", {"risk_class": "high"}, "risk_class"),
        ("eu-ai-act", {"risk_class": "limited", "articles": [50]}, "risk_class"),
    ],
)
def test_what_is_left_alone(kind: str, block: dict[str, Any], keys: str) -> None:
    """What no verdict depends on, what is as lenient as it gets, and what would not lint."""
    assert keys not in {where for where, _ in words(kind, block)}
