"""Kinds that have two names."""

from __future__ import annotations

from typing import Any

from keeptrusts.policy.document import compile_document, document_digest
from keeptrusts.policy.lint import lint_document
from support.policy_cases import document

BLOCKING = {"block_on_match": True}


def test_an_alias_is_the_kind() -> None:
    """In the chain, as a block, in the record and in the digest."""
    alias, own = document({"code-sanitation": BLOCKING}), document({"code-sanitizer": BLOCKING})

    assert compile_document(alias).kinds == ("code-sanitizer",)
    assert document_digest(alias) == document_digest(own)
    assert lint_document(alias).warnings == ()


def test_it_may_stand_in_one_place_and_the_own_name_in_the_other() -> None:
    """They mean the same."""
    text = document({"code-sanitizer": BLOCKING}, policies={"chain": ["code-sanitation"]})

    assert compile_document(text).kinds == ("code-sanitizer",)


def faults(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in lint_document(text).errors]


def test_a_kind_under_both_names_stands_twice() -> None:
    """One of the two is too much, in the chain and among the blocks."""
    twice: dict[str, Any] = {"code-sanitizer": {}, "code-sanitation": {}}

    assert faults(document({"code-sanitizer": {}}, policies={"chain": list(twice)})) == [("E005", "policies.chain[1]")]
    assert faults(document(twice, policies={"chain": ["code-sanitizer"]})) == [("E001", "policy.code-sanitation")]
