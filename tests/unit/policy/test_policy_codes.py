"""Every code of lint has a document that brings it out, and every rule that never applies is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keeptrusts.policy.findings import TITLES, severity_of
from keeptrusts.policy.lint import lint_document, weakened
from keeptrusts.policy.reading import MAX_FINDINGS
from support.policy_cases import document

HEAD = 'pack: {name: p, version: "1.0.0", enabled: true}\n'
TARGET = {"id": "a", "provider": "openai"}
BROUGHT_OUT = {
    "E000": "pack: [",
    "E001": HEAD + "policies: {chain: [pii-detectr]}",
    "E002": document({"rbac": {"requre_auth": True}}),
    "E003": document({"rbac": {"require_auth": "yes"}}),
    "E004": "policies: {chain: [rbac]}\npolicy: {rbac: {}}",
    "E005": document({"rbac": {}}, providers={"targets": [TARGET, TARGET]}),
    "E006": document({"pii-detector": {"redaction": {"custom_markers": {"emial": "x"}}}}),
    "E007": document({"dlp-filter": {"detect_patterns": ["(a"]}}),
    "E008": document({"rbac": {}}, providers={"targets": [TARGET | {"api_key": "sk"}]}),
    "E009": document({"human-oversight": {}}, streaming={"on_unbounded": "reject"}),
    "E010": "input_policies: []",
    "W001": HEAD + "policies: {chain: [rbac]}",
    "W002": document({"rbac": {}}, policy={"rbac": {}, "token-limit": {}}),
    "W003": document({"dlp-filter": {"blocked_terms": ["a", "a"]}}),
}


def codes(text: str) -> list[str]:
    report = lint_document(text)
    return [one.code for one in (*report.errors, *report.warnings)]


@pytest.mark.parametrize("code", BROUGHT_OUT)
def test_a_code_is_brought_out(code: str) -> None:
    """Each document has the one fault that its code stands for."""
    assert codes(BROUGHT_OUT[code]) == [code]


def test_every_code_is_brought_out() -> None:
    """No code without a document; W004 takes two, and has a test of its own."""
    assert {*BROUGHT_OUT, "W004"} == set(TITLES)
    assert {severity_of(code) for code in TITLES} == {"error", "warning"}


def test_what_is_weaker_than_the_base() -> None:
    """W004, at the place in the new document."""
    base, text = (document({"rbac": {"require_auth": flag, "deny_if_missing": []}}) for flag in (True, False))
    (finding,) = weakened(text, base)
    assert (finding.code, finding.path, finding.severity) == ("W004", "policy.rbac.require_auth", "warning")
    assert (finding.line, finding.column) == (1, text.index('"require_auth"') + 1)
    assert "require_auth: true -> false" in finding.message
    assert weakened(base, text) == ()


def test_a_weaker_item_has_the_place_of_what_is_left() -> None:
    """A target by its id, where it still is; else the list that it was in."""
    one, two = {"id": "a.b", "provider": "mock", "local": True}, {"id": "c", "provider": "mock"}
    base = document({"rbac": {}}, providers={"targets": [one, two]})
    text = document({"rbac": {}}, providers={"targets": [two, one | {"local": False}]})
    (finding,) = weakened(text, base)
    assert (finding.path, finding.column) == ("providers.targets[a.b].local", text.index('"local"') + 1)


@pytest.mark.parametrize(
    ("kind", "block", "path"),
    [
        ("agent-firewall", {"allowed_tools": ["a", "b_c"], "blocked_tools": ["b*"]}, "allowed_tools[1]"),
        ("agent-firewall", {"tools": {"roles": {"r": {"allowed": ["x*"]}}}, "blocked_tools": ["x*"]},
         "tools.roles.r.allowed[0]"),
        ("rbac", {"roles": {"r": {"allowed_tools": ["a"], "denied_tools": ["*"]}}}, "roles.r.allowed_tools[0]"),
        ("topic-filter", {"blocked_topics": ["a", "b"], "allowed_topics": ["b"]}, "blocked_topics[1]"),
        ("dlp-filter", {"blocked_terms": ["abc"], "max_distance": 3}, "max_distance"),
        ("safety-filter", {"mode": "automotive", "max_distance": 2}, "max_distance"),
        ("itar-ear-filter", {"max_distance": 2}, "max_distance"),
        ("dual-use-filter", {"max_distance": 2}, "max_distance"),
        ("entity-list-filter", {"blocked_entities": ["Acme"], "max_distance": 2}, "max_distance"),
        ("pii-detector", {"entities": ["email"], "healthcare_mode": True}, "healthcare_mode"),
        ("pii-detector", {"entities": ["email", "iban", "email"]}, "entities[2]"),
    ],
)  # fmt: skip
def test_a_rule_that_never_applies(kind: str, block: dict[str, Any], path: str) -> None:
    """W003, at the rule."""
    report = lint_document(document({kind: block}))
    assert [(one.code, one.path) for one in report.warnings] == [("W003", f"policy.{kind}.{path}")]
    assert report.valid


@pytest.mark.parametrize(
    "block",
    [
        {"allowed_tools": ["b*"], "blocked_tools": ["b_c"]},
        {"allowed_tools": ["a*c"], "blocked_tools": ["a"]},
        {"allowed_tools": ["a"], "blocked_tools": ["b*"]},
    ],
)
def test_a_rule_that_sometimes_applies(block: dict[str, Any]) -> None:
    """It is left alone."""
    assert codes(document({"agent-firewall": block})) == []


def test_a_single_target_has_nothing_to_fall_back_to() -> None:
    """W003 again."""
    providers = {"targets": [{"id": "a", "provider": "mock"}], "fallback": {"enabled": True}}
    (finding,) = lint_document(document({"rbac": {}}, providers=providers)).warnings
    assert (finding.code, finding.path) == ("W003", "providers.fallback.enabled")
    assert finding.column == document({"rbac": {}}, providers=providers).index('"enabled": true}}}') + 1


def hints() -> Iterator[tuple[str, str]]:
    """Documents with a word that is nearly right, and the word."""
    yield HEAD + "policies: {chain: [pii-detectr]}", "pii-detector"
    yield HEAD + "polices: {chain: [rbac]}", "policies"
    yield document({"rbac": {"requre_auth": True}}), "require_auth"
    yield document({"pii-detector": {"action": "blok"}}), "block"
    yield document({"pii-detector": {"entities": ["emial"]}}), "email"
    yield document({"pii-detector": {"redaction": {"custom_markers": {"emial": "x"}}}}), "email"
    yield document({"human-oversight": {"require_human_for": ["finacial"]}}), "financial"
    yield document({"rbac": {}}, providers={"targets": [{"id": "a", "provider": "opnai"}]}), "openai"
    yield document({"rbac": {}}, providers={"routing": {"strategy": "orderd"}}), "ordered"
    yield document({"rbac": {}}, providers={"fallback": {"triggers": ["time_out"]}}), "timeout"
    yield HEAD + "policies: {chain: &kinds [rbac]}\npolicy: {rbac: *kind}", "kinds"


@pytest.mark.parametrize(("text", "word"), list(hints()))
def test_what_is_nearly_right_is_named(text: str, word: str) -> None:
    """Did you mean ...?"""
    assert any(one.suggestion.startswith(f"did you mean `{word}`?") for one in lint_document(text).errors)


def test_findings_are_told_up_to_a_thousand() -> None:
    """The rest is counted."""
    errors = lint_document(document({"rbac": {f"key{number}": 1 for number in range(MAX_FINDINGS + 7)}})).errors
    assert len(errors) == MAX_FINDINGS + 1
    assert errors[-1].message == "and 7 more errors, which are not shown"
