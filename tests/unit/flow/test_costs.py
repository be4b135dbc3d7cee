"""What an answer cost, and where that is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from keeptrusts.flow.costs import cost_usd
from keeptrusts.policy.compiled import Pricing
from keeptrusts.wire.readings import Usage
from support.flows import HELLO, TARGET, Provider, answer, play, policy_of

PRICING = Pricing(input=2.0, output=10.0, cached_input=0.5)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), None),
        (Usage(1_000_000, 0), 2.0),
        (Usage(0, 1_000_000), 10.0),
        (Usage(100, None), 0.0002),
        (Usage(None, 1), 0.00001),
        (Usage(1000, 100, 400), 0.0024),
        (Usage(10, 0, 400), 0.000005),
        (Usage(1, 0), 0.000002),
    ],
)
def test_cost(usage: Usage, cost: float | None) -> None:
    """By a million tokens; what was cached has a price of its own, and is never more than was asked."""
    assert cost_usd(PRICING, usage) == cost


def test_the_record_tells_the_cost() -> None:
    """By the prices of the target that answered; a target without prices has no cost."""
    priced = replace(TARGET, pricing=PRICING)

    assert play(policy_of(targets=(priced,)), HELLO, Provider([answer("hi")])).record.cost_usd == 0.000056
    assert play(policy_of(), HELLO, Provider([answer("hi")])).record.cost_usd is None


def test_cached_tokens_are_read() -> None:
    """As OpenAI counts them: among those of the prompt."""
    said = json.loads(answer("hi"))
    said["usage"] = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
    priced = replace(TARGET, pricing=PRICING)
    seen = play(policy_of(targets=(priced,)), HELLO, Provider([json.dumps(said).encode()]))

    assert (seen.record.cost_usd, seen.record.input_tokens) == (0.0024, 1000)
