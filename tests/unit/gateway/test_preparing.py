"""Configurations are ready to judge before they are put in force."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from keeptrusts.core.errors import InputError
from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Block
from keeptrusts.gateway.preparing import prepare
from support.policy_cases import document

BLOCKS: dict[str, dict[str, Any]] = {
    "prompt-injection": {},
    "secret-scanner": {},
    "pii-detector": {},
    "topic-filter": {"blocked_topics": ["gambling"]},
}
# In a process of its own: detectors are kept for the whole of one.
FIRST_REQUEST = """
import hyperscan, sys
from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.detect.engine import compile_regex
from keeptrusts.gateway.preparing import prepare
built = []
Database = hyperscan.Database
hyperscan.Database = lambda *args, **named: built.append(1) or Database(*args, **named)
policy = prepare(sys.stdin.read(), fail_open=False, is_first=sys.argv[1] == "first")
before = len(built), compile_regex.cache_info().misses
policy.chain.judge_request(Exchange(Phase.INPUT, texts=(Text(("t",), "Write to ada@example.com"),)), lambda: 0)
print(before[0], len(built) - before[0], compile_regex.cache_info().misses - before[1])
"""


def built(which: str) -> tuple[int, int, int]:
    """Databases built before the first request, and databases and expressions built by it."""
    text = document(BLOCKS)
    told = subprocess.run(
        [sys.executable, "-c", FIRST_REQUEST, which], input=text, capture_output=True, text=True, check=True
    ).stdout
    before, databases, expressions = map(int, told.split())
    return before, databases, expressions


def test_the_first_request_builds_nothing() -> None:
    """Everything it needs is there when the first configuration is in force."""
    before, databases, expressions = built("first")

    assert before >= 3
    assert (databases, expressions) == (0, 0)


def test_a_later_configuration_asks_nothing_beforehand() -> None:
    """Its detectors may be at work for the one in force."""
    assert built("later")[0] == 0


def test_what_does_not_lint_is_refused() -> None:
    """As by the compiler."""
    with pytest.raises(InputError):
        prepare("pack: 1", fail_open=False, is_first=True)


def test_being_asked_leaves_no_trace() -> None:
    """A kind that blocks what it was asked still judges as ever."""
    policy = prepare(document(BLOCKS), fail_open=False, is_first=True)
    exchange = Exchange(Phase.INPUT, texts=(Text(("t",), "hello"),))

    assert not isinstance(policy.chain.judge_request(exchange, lambda: 0).verdict, Block)
