"""What `/metrics` tells of the services that policies ask."""

from __future__ import annotations

from keeptrusts.core.decision import Asked, Decision, PolicyResult
from keeptrusts.gateway.metrics import Metrics


def test_questions_are_counted_by_policy_and_outcome() -> None:
    """With the time they took."""
    metrics = Metrics()
    asked = (Asked("answered", 200, 250_000), Asked("timeout", 0, 2_000_000))
    lines = (PolicyResult("pii-detector", "input", "allowed", "x"),
             PolicyResult("external-moderation", "input", "blocked", "x", asked=asked))  # fmt: skip
    metrics.watch(
        Decision(
            id="evt_1",
            timestamp="",
            request_id="req_1",
            verdict="blocked",
            reason_code="x",
            status=409,
            policies=lines,
        )
    )

    text = metrics.text().decode()
    name, labels = "keeptrusts_policy_question_seconds", 'policy="external-moderation"'
    assert f'{name}_count{{outcome="answered",{labels}}} 1.0' in text
    assert f'{name}_sum{{outcome="timeout",{labels}}} 2.0' in text
    assert f'{name}_count{{outcome="answered",policy="pii-detector"}}' not in text
