"""Rules that rewrite texts: their parts."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.exchange import Exchange, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Edit
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.json_strings import strings_of
from keeptrusts.policy.kinds.request_rewriter import RequestRewriter
from keeptrusts.policy.replacing import Template, group_count
from support.flows import HELLO, Provider, answer, play
from support.policy_cases import document


@pytest.mark.parametrize(
    ("template", "filled"),
    [("", ""), ("a", "a"), ("$1-$2", "x-y"), ("$0", "xy"), ("$$1", "$1"), ("US$ 5 $", "US$ 5 $"), ("$1$1", "xx")],
)
def test_a_template_is_filled(template: str, filled: str) -> None:
    """Groups by their digit; other dollars are themselves."""
    assert Template(template).fill(("xy", "x", "y")) == filled


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "(a)",
        "(a(b))",
        "(?:a)(b)",
        "(?P<n>a)",
        r"\(a\)",
        "[(](a)",
        "[^)](a)[]()]",
        "[[:alpha:]()](a)",
        r"[\](](a)(b)",
        "(?i)(a)",
    ],
)
def test_groups_are_counted(pattern: str) -> None:
    """As Python's own engine counts them, where it reads the pattern alike."""
    assert group_count(pattern) == re.compile(pattern.replace("[:alpha:]", "a-z")).groups


def test_quoted_text_holds_no_groups() -> None:
    """Between their marks, or to the end."""
    assert group_count(r"\Q(a)\E(b)") == 1
    assert group_count(r"(b)\Q(a)") == 1


@pytest.mark.parametrize("kind", ["request-rewriter", "response-rewriter"])
@pytest.mark.parametrize(("chars", "code"), [(209, "many"), (210, "too_long")])
@pytest.mark.parametrize("form", ["{}", '["{}"]'])
def test_text_does_not_grow_without_bound(kind: str, chars: int, code: str, form: str) -> None:
    """Four million characters more are let be put in, and what would be longer is refused before it is made."""
    rule = {"name": "many", "pattern": "a", "replacement": "b" * 20_000}
    chain = compile_document(document({kind: {"rules": [rule]}})).chain
    text = Text(("m",), form.format("a" * chars), Role.USER)
    if kind == "request-rewriter":
        said = chain.judge_request(Exchange(Phase.INPUT, (text,)), lambda: 0)
    else:
        said = chain.judge_answer(Exchange(Phase.OUTPUT, (text,), answered=True), lambda: 0)
    assert said.verdict.code == f"{kind.replace('-', '_')}.{code}"
    assert sum(map(len, said.changed.values())) <= 4 * 1024 * 1024 + 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def values(document: object) -> list[str]:
    if isinstance(document, str):
        return [document]
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return [value for one in inner for value in values(one)]


@given(document=JSON, ascii_only=st.booleans())
def test_the_strings_of_json_are_its_string_values(document: object, *, ascii_only: bool) -> None:
    """In order, without the names of members; each edit leaves JSON."""
    text = json.dumps(document, ensure_ascii=ascii_only, indent=1)
    found = strings_of(text)

    if not isinstance(document, dict | list):
        assert found is None
        return
    assert found is not None
    assert [one.value for one in found] == values(document)
    for one in found:
        edits = list(one.rewritten([Edit((), 0, len(one.value), "x", 'a"\\b')]))
        assert [json.loads(edit.replacement) for edit in edits] == ['a"\\b']


def test_where_no_model_is_told_anything_no_message_is_added() -> None:
    """Embeddings have no conversation."""
    said = RequestRewriter(system_message="x").judge(Exchange(Phase.INPUT, api_format="openai_embeddings"))

    assert said == Allow()


def test_the_record_says_which_rule_changed_the_request() -> None:
    """And the provider gets the system message first."""
    rules = [{"name": "greeting", "pattern": "hello", "replacement": "good day"}]
    blocks = {"request-rewriter": {"system_message": "Be kind.", "rules": rules}}
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    policy = compile_document(document(blocks, providers={"targets": [target]}))

    seen = play(policy, HELLO, Provider([answer("yes")]))

    assert (seen.record.verdict, seen.record.reason_code) == ("redacted", "request_rewriter.greeting")
    assert [one.findings for one in seen.record.policies] == [(("greeting", 1),)]
    assert json.loads(seen.sent_upstream[0].body)["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "good day"},
    ]
