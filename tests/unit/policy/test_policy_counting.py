"""Which documents need one count for all processes."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from keeptrusts.policy.compiled import Agent, RateLimit, TokenLimit
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.registry import KINDS, load_kind
from support.flows import policy_of
from support.policy_cases import document


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_counts_says_so(kind: str) -> None:
    """Whoever asks for counts is known to, for several workers refuse such a kind without a shared count."""
    policy = load_kind(kind)
    source = inspect.getsource(sys.modules[policy.__module__])

    assert policy.counts == ("Count(" in source or "agent_counts" in source)


@pytest.mark.parametrize(
    ("fields", "limited"),
    [
        ({}, False),
        ({"rate_limits": (RateLimit("ip", 1, 1),)}, True),
        ({"token_limit": TokenLimit(1, 1)}, True),
        ({"agents": (Agent("a", ("m",)),)}, False),
        ({"agents": (Agent("a", (), max_cost_usd_per_day=0.1),)}, True),
    ],
)
def test_limits_are_counted(fields: dict[str, Any], *, limited: bool) -> None:
    """An agent's list of models is not."""
    assert policy_of(**fields).is_limited == limited


def test_a_chain_may_count() -> None:
    """By one of its kinds."""
    assert compile_document(document({"bot-detector": {}})).is_limited
    assert not compile_document(document({"audit-logger": {}})).is_limited


@pytest.mark.parametrize(
    ("block", "limited"),
    [
        ({}, False),
        ({"max_actions_per_session": 3}, False),
        ({"rate_limits": {"default": 3}}, True),
        ({"transaction_limits": {"max_daily_total": 3}}, True),
        ({"kill_switches": {"max_errors_before_halt": 3}}, True),
    ],
)
def test_a_kind_may_count_by_its_settings(block: dict[str, Any], *, limited: bool) -> None:
    """A firewall that remembers nothing needs no shared count."""
    assert compile_document(document({"agent-firewall": block})).is_limited == limited
