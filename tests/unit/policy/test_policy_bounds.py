"""Large and hostile documents cost work in proportion to their size, counted in calls and bytes, not in time."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.source import MAX_BYTES
from support.policy_cases import PACK, document

FEW, SOME, MANY = 200, 2_000, 10_000
MOST_MEMORY = 150 * 1024 * 1024


def chain_of(count: int) -> str:
    return json.dumps({"pack": PACK, "policies": {"chain": [f"kind-{number}" for number in range(count)]}})


RULES: dict[str, Callable[[int], str]] = {
    "terms": lambda count: document({"dlp-filter": {"blocked_terms": [f"term {one}" for one in range(count)]}}),
    "topics": lambda count: document({"topic-filter": {"blocked_topics": [f"topic {one}" for one in range(count)]}}),
    "patterns": lambda count: document({"dlp-filter": {"detect_patterns": [f"INV-{one}" for one in range(count)]}}),
    "tools": lambda count: document(
        {"agent-firewall": {"allowed_tools": [f"a_{one}*" for one in range(count)],
                            "blocked_tools": [f"b_{one}*" for one in range(count)]}}
    ),
    "roles": lambda count: document({"rbac": {"roles": {f"r{one}": {} for one in range(count)}}}),
    "targets": lambda count: document(
        {"rbac": {}}, providers={"targets": [{"id": f"t{one}", "provider": "mock"} for one in range(count // 2)]}
    ),
    "unknown keys": lambda count: document({"rbac": {f"key{one}": one for one in range(count)}}),
    "unknown kinds": chain_of,
    "repeated": lambda count: document({"dlp-filter": {"blocked_terms": ["same"] * count}}),
}  # fmt: skip


def calls_of(text: str) -> int:
    """How many Python functions a lint of it calls."""
    count = 0

    def see(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        lint_document(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", RULES)
def test_ten_times_the_rules_are_ten_times_the_work(name: str) -> None:
    """The work is linear, and ten thousand rules are linted in bounded memory."""
    lint_document(RULES[name](10))
    assert calls_of(RULES[name](SOME)) < 13 * calls_of(RULES[name](FEW))
    tracemalloc.start()
    try:
        lint_document(RULES[name](MANY))
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        document({"rbac": {"y" * 900_000: 1}}),
        document({"dlp-filter": {"blocked_terms": ["y" * 900_000]}}),
        document({"dlp-filter": {"detect_patterns": ["a" * 900_000]}}),
        document({"rbac": {}}, pack={"name": "n" * 900_000, "version": "v" * 90_000, "enabled": True}),
        document({"rbac": {}}, policies={"chain": ["z" * 900_000]}),
        document({"rbac": {}}, providers={"targets": [{"id": "a", "provider": "o" * 900_000}]}),
    ],
)
def test_a_finding_does_not_repeat_a_megabyte(text: str) -> None:
    """However long what is wrong, it is told in a few lines."""
    report = lint_document(text)
    assert report.errors
    assert max(len(str(one)) for one in report.errors) < 4_000


def test_a_document_of_a_megabyte_is_read() -> None:
    """Up to the limit; one byte more is refused before it is parsed."""
    whole = document({"rbac": {}})
    assert lint_document(whole + " " * (MAX_BYTES - len(whole))).valid
    calls = calls_of(whole + " " * (MAX_BYTES - len(whole) + 1))
    assert calls < 50


def test_a_bomb_of_aliases_costs_little() -> None:
    """Nine levels of nine are refused when they have unfolded to the limit, and built from what is shared."""
    levels = "".join(f"l{one}: &l{one} [{', '.join([f'*l{one - 1}'] * 9)}]\n" for one in range(1, 10))
    text = f"l0: &l0 [{', '.join(['x'] * 9)}]\n{levels}"
    (finding,) = lint_document(text).errors
    assert (finding.code, "unfolds to more than" in finding.message) == ("E000", True)
    assert calls_of(text) < 5_000
