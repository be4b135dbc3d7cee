"""The JSON Schema and lint agree: on every document of the corpus, and on those with one thing wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from keeptrusts.cli.first_run import starter_policy
from keeptrusts.policy.findings import Finding
from keeptrusts.policy.json_schema import document_schema
from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.registry import KINDS
from keeptrusts.policy.source import plain, read_source
from support.policy_cases import cases, document

SECTIONS: dict[str, Any] = {
    "pack": {"name": "p", "version": "1.0.0", "enabled": True, "description": "x"},
    "providers": {
        "targets": [
            {"id": "a", "provider": "mock", "data_policy": {"retention_days": 3}, "headers": {"x-team": "a"},
             "mock": {"reply": "x", "tool_calls": [{"name": "t", "arguments": {"deep": [1, {"x": None}]}}]}},
            {"id": "b", "provider": "openai:chat:gpt-4o", "secret_key_ref": {"env": "KEY"}, "timeout_seconds": 3},
        ],
        "fallback": {"enabled": True, "triggers": ["timeout"]},
    },
    "global_rate_limit": {"max_requests": 3, "window_seconds": 60},
    "user_rate_limit": {"max_requests": 3, "window_seconds": 60, "header_names": ["x-user-id"]},
    "size_limits": {"max_body_bytes": 1000},
    "streaming": {"max_holdback_chars": 400},
    "testing": {"suites": [{"name": "s", "cases": [
        {"name": "c", "input": {"messages": [{"role": "user"}], "upstream_response": "x"},
         "expected": {"verdict": "allow", "sent": {"x": 1}}},
    ]}]},
}  # fmt: skip


@lru_cache(maxsize=1)
def validator() -> Draft202012Validator:
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def fits(text: str) -> bool:
    """Whether the schema finds nothing wrong."""
    root, _ = read_source(text)
    return bool(validator().is_valid(plain(root)))


def texts() -> Iterator[str]:
    """The documents of the corpus, one with every section, the starter, and single-policy ones."""
    yield document({"rbac": {}}, **SECTIONS)
    yield starter_policy()
    yield "policy: {name: x, version: 1.0.0, enabled: true}\nblocked_tools: [rm]\n"
    yield "policy: {name: prompt-injection, version: 1.0.0, enabled: true}\nstreaming:\n"
    yield "pack: {name: x, version: 1.0.0, enabled: true}\npolicies: {chain: [rbac]}\npolicy:\nproviders:\n"
    for said in cases():
        case = said.at("http://asked.example")
        targets = case.exchange.get("targets")
        yield document({case.kind: case.config}, **({"providers": {"targets": targets}} if targets else {}))


VALID = [text for text in texts() if lint_document(text).valid]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_the_schema(kind: str) -> None:
    """A document with its defaults fits; where a key has none, neither the schema nor lint takes it."""
    text = document({kind: {}})
    assert fits(text) or not lint_document(text).valid


def test_what_lints_fits() -> None:
    """No document that is valid is refused by an editor."""
    assert [text for text in VALID if not fits(text)] == []
    assert len(VALID) > 100


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values of a document stand."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


SMALL = sorted({text for text in VALID if len(text) < 4000 and text.startswith("{")})


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A valid document with one value of a wrong type, one key too many, or one key missing."""
    read = copy.deepcopy(json.loads(draw(st.sampled_from(SMALL))))
    path = draw(st.sampled_from([path for path in places(read) if path]))
    parent = read
    for key in path[:-1]:
        parent = parent[key]
    wrong = draw(st.sampled_from(["type", "extra", "missing"]))
    if wrong == "missing" and isinstance(parent, dict):
        del parent[path[-1]]
    elif wrong == "extra" and isinstance(parent[path[-1]], dict):
        parent[path[-1]]["zz_unknown"] = [[1]]
    else:
        parent[path[-1]] = draw(st.sampled_from([[[[1]]], {"zz_unknown": [[1]]}, -1.5, True, "\u2400"]))
    return json.dumps(read)


ANYTHING = "policy.tool-validation.schemas"
"""JSON Schema inside the document: only lint reads it."""


@given(text=spoilt())
@settings(max_examples=400, deadline=None)
def test_what_is_spoilt_is_seen_by_both(text: str) -> None:
    """What lints fits; and what has an unknown key, a missing one or a wrong type does not."""
    report = lint_document(text)
    if report.valid:
        assert fits(text)
    elif any(_is_of_shape(one) for one in report.errors if not one.path.startswith(ANYTHING)):
        assert not fits(text)


def _is_of_shape(finding: Finding) -> bool:
    """Whether a schema can see it: an unknown key or a wrong type."""
    wrong_type = finding.code == "E003" and "must be" in finding.message and ", but it is" in finding.message
    return finding.code == "E002" or wrong_type
