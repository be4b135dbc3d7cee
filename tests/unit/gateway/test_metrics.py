"""What `/metrics` tells, and that the guide says so."""

from __future__ import annotations

import re
from pathlib import Path

from keeptrusts.core.decision import Asked, Decision, PolicyResult
from keeptrusts.gateway.metrics import Metrics
from keeptrusts.gateway.standings import Standings


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


def test_how_far_streams_were_held_back() -> None:
    """By the most characters that each client was behind; answers that are no streams are not among them."""
    metrics = Metrics()
    for behind in (0, 30, 9000, None):
        metrics.watch(
            Decision(
                id="evt_1",
                timestamp="",
                request_id="req_1",
                verdict="allowed",
                reason_code="x",
                status=200,
                behind_chars=behind,
            )
        )
    text = metrics.text().decode()
    name = "keeptrusts_stream_held_chars"

    assert f"{name}_count 3.0" in text
    assert f"{name}_sum 9030.0" in text
    assert f'{name}_bucket{{le="32.0"}} 2.0' in text


def test_the_guide_names_every_metric() -> None:
    """And none that is not there."""
    metrics = Metrics()
    metrics.show_spool(lambda: 0, lambda: 0)
    metrics.show_targets(Standings(lambda: 0.0), lambda: None)
    told = {line.split()[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE")}
    page = (Path(__file__).parents[3] / "docs" / "guide" / "gateway.md").read_text(encoding="utf-8")
    table = page.partition("## What it measures")[2].partition("\n## ")[0]

    assert set(re.findall(r"`(keeptrusts_[a-z_]+)`", table)) == {name for name in told if not name.endswith("_created")}
