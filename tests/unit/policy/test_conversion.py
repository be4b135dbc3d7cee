"""Older shapes in today's: what is clear is converted, and what is not is named."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from keeptrusts.policy.conversion import convert
from keeptrusts.policy.findings import InvalidPolicyError
from keeptrusts.policy.lint import lint_document
from support.policy_cases import document


def converted(text: str) -> tuple[Any, tuple[str, ...]]:
    """The new document, which lints, and the notes but for the one on comments."""
    result = convert(text)
    assert lint_document(result.text).valid
    return yaml.safe_load(result.text), tuple(note for note in result.notes if "comments" not in note)


def unclear(text: str) -> list[tuple[str, str]]:
    """Path and message of everything that is not clear."""
    with pytest.raises(InvalidPolicyError) as refused:
        convert(text)
    return [(one.path, one.message) for one in refused.value.findings]


def test_a_list_of_policies() -> None:
    """In their order, each in any of the forms in which it may be written; the format's version is not the pack's."""
    text = """
version: "1"
name: acme
description: everything
policies:
  - pii_detector
  - {name: no betting, type: topic-filter, config: {blocked_topics: [betting]}}
  - {kind: token-limit, max_messages: 5, enabled: true}
  - {name: secret-scanner, settings: {action: block}, entropy: false}
  - rbac: {require_auth: true}
  - {policy: dlp-filter, enabled: false}
  - audit-logger:
providers: {targets: [{id: a, provider: mock}]}
"""
    written, notes = converted(text)
    assert written == {
        "pack": {"name": "acme", "version": "1.0.0", "enabled": True, "description": "everything"},
        "policies": {
            "chain": ["pii-detector", "topic-filter", "token-limit", "secret-scanner", "rbac", "audit-logger"]
        },
        "policy": {
            "pii-detector": {},
            "topic-filter": {"blocked_topics": ["betting"]},
            "token-limit": {"max_messages": 5},
            "secret-scanner": {"action": "block", "entropy": False},
            "rbac": {"require_auth": True},
            "audit-logger": {},
        },
        "providers": {"targets": [{"id": "a", "provider": "mock"}]},
    }
    assert notes == (
        "`policies[5]` (`dlp-filter`) was switched off and is left out",
        "`version` was that of the format; the pack begins with 1.0.0",
    )


def test_policies_of_each_direction() -> None:
    """One chain; a kind that now looks at both directions is told."""
    requests, answers = "[prompt-injection, pii-detector, topic-filter]", "[pii-detector, human-oversight]"
    text = f"input_policies: {requests}\noutput_policies: {answers}\n"
    written, notes = converted(text)
    assert written["policies"]["chain"] == ["prompt-injection", "pii-detector", "topic-filter", "human-oversight"]
    assert notes == ("`topic-filter` stood in `input_policies` alone; it now looks at answers too",)
    assert converted("output_policies: [dlp-filter]\n")[1] == (
        "`dlp-filter` stood in `output_policies` alone; it now looks at requests too",
    )


def test_where_the_gateway_listens() -> None:
    """It is told how to say it today; the rest is as it was."""
    text = "gateway: {listen_port: 8080}\nname: x\npolicies: {chain: [rbac]}\npolicy: {rbac: {}}\n"
    written, notes = converted(text)
    assert written == {
        "pack": {"name": "x", "version": "1.0.0", "enabled": True},
        "policies": {"chain": ["rbac"]},
        "policy": {"rbac": {}},
    }
    assert notes == ("the gateway listens where it is told: `kt gateway run --listen 0.0.0.0:8080`",)


def test_a_pack_is_kept() -> None:
    """Its name and version are those of the document."""
    pack = "pack: {name: x, version: 2.0.0, enabled: false}\n"
    for rest in ("policies: [rbac]\n", "policies: {chain: [rbac]}\ngateway: {port: 8080}\n"):
        assert converted(pack + rest)[0]["pack"] == {"name": "x", "version": "2.0.0", "enabled": False}


def test_todays_shape_is_given_back() -> None:
    """As it was written."""
    text = document({"rbac": {}})
    assert convert(text).text == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("policies: [pii-detectr]", "policies[0]"),
        ("policies: [{type: nothing, name: rbac}]", "policies[0]"),
        ("policies: [{action: block}]", "policies[0]"),
        ("policies: [3]", "policies[0]"),
        ("policies: [rbac]\nrules: []", "rules"),
        ("policies: [rbac]\npolicy: {rbac: {}}", "policy"),
        ("input_policies: {rbac: {}}", "input_policies"),
        ("gateway: {listen_port: 1, tls: true}\npolicies: [rbac]", "gateway.tls"),
        ("input_policies: [{type: dlp-filter, config: {blocked_terms: [a]}}]\noutput_policies: [dlp-filter]",
         "output_policies[0]"),
        ("policies: [{type: rbac, config: {requre_auth: true}}]", "policy.rbac.requre_auth"),
        ("policies: [{type: rbac, config: 3}]", "policy.rbac"),
        ("policies: []", "policies.chain"),
        ("gateway: {listen_port: 1}", "policies"),
        ("policies: [", ""),
        ("policies: [rbac]\npolicies: [rbac]", "policies"),
    ],
)  # fmt: skip
def test_what_is_not_clear(text: str, path: str) -> None:
    """It is named, and nothing is converted."""
    assert unclear(text)[0][0] == path


def test_everything_that_is_not_clear_is_named_at_once() -> None:
    """So that one look is enough."""
    assert [path for path, _ in unclear("policies: [a, rbac, b]\nrules: []")] == ["policies[0]", "policies[2]", "rules"]
