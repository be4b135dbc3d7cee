"""The record of one flow: what wins when several things were said of a request."""

from __future__ import annotations

from itertools import count

import pytest

from keeptrusts.core.exchange import Phase
from keeptrusts.core.verdict import Allow, Block, Redact, Verdict
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.decisions import Notes
from keeptrusts.policy.engine import Judgement
from support.flows import TARGET, policy_of


def notes() -> Notes:
    ticks = count(1_000_000, 0)
    arrival = Arrival(request_id="r", event_id="e", escalation_id="s", method="POST", path="/v1/chat/completions")
    return Notes(arrival, Snapshot(policy=policy_of()), lambda: next(ticks), 0)


@pytest.mark.parametrize(
    ("verdict", "recorded"),
    [(Allow(), ("failed", "lost")), (Redact("k.x", ()), ("failed", "lost")), (Block("k.x", "no"), ("blocked", "k.x"))],
)
def test_a_block_outlives_a_failure(verdict: Verdict, recorded: tuple[str, str]) -> None:
    """What a policy withheld is recorded as that, whatever else went wrong."""
    kept = notes()
    kept.judge(Judgement(verdict, phase=Phase.INPUT))
    kept.fail("lost")
    decision = kept.decision(499)

    assert (decision.verdict, decision.reason_code) == recorded


def test_the_most_severe_verdict_counts_and_of_equals_the_first() -> None:
    """Redacted on the way in, blocked on the way out."""
    kept = notes()
    for code, phase in (("a.x", Phase.INPUT), ("b.x", Phase.OUTPUT)):
        kept.judge(Judgement(Redact(code, ()), phase=phase))
    first = kept.decision(200)
    kept.judge(Judgement(Block("c.x", "no"), phase=Phase.TOOL))
    second = kept.decision(409)

    assert (first.verdict, first.reason_code, first.phase) == ("redacted", "a.x", "input")
    assert (second.verdict, second.reason_code, second.phase) == ("blocked", "c.x", "tool")


def test_what_others_took_is_not_ours() -> None:
    """Latency counts all of it, overhead only what is left."""
    kept = notes()
    kept.target = TARGET
    kept.waited_ns = 500_000
    decision = kept.decision(200)

    assert (decision.latency_ms, decision.overhead_us) == (1.0, 500)
    assert decision.target_id == "main"
