"""One prompt tried on a document: what each kind said, and what a gateway may say otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from keeptrusts.flow.playground import Differing, Given, Trial, try_prompt
from keeptrusts.policy.document import compile_document
from support.policy_cases import document

ADDRESS = "write to ada@acme.io today"
MODERATION = {"provider": "webhook", "endpoint": "https://moderation.example.com/check"}


def tried(blocks: Mapping[str, Any], prompt: str, answer: str | None = None, **given: Any) -> Trial:
    """What a chain of these blocks says."""
    policy = compile_document(document(blocks))
    return try_prompt(policy, Given(prompt, answer, **given), count(step=1000).__next__)


def said(trial: Trial) -> list[tuple[str, str, str]]:
    """Kind, phase and verdict of each line, without those that only record."""
    return [(one.kind, str(one.phase), one.verdict) for one in trial.results if one.kind != "audit-logger"]


def test_a_request_alone() -> None:
    """It is redacted; the phases of an answer are not played, for there is none."""
    trial = tried({"pii-detector": {}}, ADDRESS)
    assert (trial.verdict, trial.reason_code) == ("redacted", "pii_detector.email")
    assert (trial.prompt, trial.answer) == ("write to [EMAIL] today", None)
    assert said(trial) == [("pii-detector", "input", "redacted"), ("pii-detector", "tool", "allowed")]
    assert trial.results[0].findings == (("email", 1),)
    assert trial.results[0].latency_us > 0


def test_nothing_to_object_to() -> None:
    """It is allowed, and not `failed`, although nobody answered."""
    trial = tried({"pii-detector": {}}, "hello")
    assert (trial.verdict, trial.reason_code, trial.prompt) == ("allowed", "all_policies_passed", "hello")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_read_as_redacted(stream: bool) -> None:
    """Whole and streamed."""
    trial = tried({"pii-detector": {}}, "who?", ADDRESS, stream=stream)
    assert (trial.verdict, trial.answer, trial.prompt) == ("redacted", "write to [EMAIL] today", "who?")
    assert ("pii-detector", "output", "redacted") in said(trial)


def test_what_is_blocked_goes_nowhere() -> None:
    """A prompt is sent to nobody, and later kinds are skipped; an answer is read by nobody."""
    topics = {"topic-filter": {"blocked_topics": ["gambling"]}, "pii-detector": {}}
    request = tried(topics, "all about gambling", "fine")
    assert (request.verdict, request.phase, request.prompt, request.answer) == ("blocked", "input", None, None)
    assert ("pii-detector", "input", "skipped") in said(request)
    answer = tried(topics, "hello", "all about gambling")
    assert (answer.verdict, answer.phase, answer.prompt, answer.answer) == ("blocked", "output", "hello", None)


def test_of_a_stream_the_harmless_head_is_read() -> None:
    """As far as a gateway lets it out before the match."""
    head = "word " * 200
    trial = tried({"topic-filter": {"blocked_topics": ["gambling"]}}, "hello", head + "gambling", stream=True)
    assert trial.verdict == "blocked"
    assert trial.answer
    assert head.startswith(trial.answer)


def test_who_asks_others_is_left_out() -> None:
    """Neither blocked for want of an answer nor passed over in silence; the kinds behind it are asked."""
    trial = tried({"external-moderation": MODERATION, "pii-detector": {}}, ADDRESS, "fine")
    assert trial.verdict == "redacted"
    assert "external-moderation" not in {one.kind for one in trial.results}
    assert trial.differing == (Differing("external-moderation", "services"),)


def test_a_kind_in_shadow_changes_nothing() -> None:
    """It is told what it would have done."""
    text = json.loads(document({"pii-detector": {"action": "block"}}))
    text["policies"]["rollout"] = {"pii-detector": {"mode": "shadow"}}
    trial = try_prompt(compile_document(json.dumps(text)), Given(ADDRESS), lambda: 0)
    assert (trial.verdict, trial.shadow_verdict, trial.prompt) == ("allowed", "blocked", ADDRESS)
    assert {one.mode for one in trial.results if one.kind == "pii-detector"} == {"shadow"}


def test_shares_counts_and_limits_are_named() -> None:
    """A kind on a share of the requests is enforced here; what is counted is counted from nothing."""
    text = json.loads(document({"pii-detector": {"action": "block"}, "bot-detector": {}}))
    text["policies"]["rollout"] = {"pii-detector": {"percent": 1}}
    text["global_rate_limit"] = {"max_requests": 1, "window_seconds": 60}
    trial = try_prompt(compile_document(json.dumps(text)), Given(ADDRESS), lambda: 0)
    assert trial.verdict == "blocked"
    assert set(trial.differing) == {
        Differing("bot-detector", "counts"), Differing("pii-detector", "share"), Differing(None, "limits"),
    }  # fmt: skip


def test_who_asks_and_for_what() -> None:
    """Header fields and the model are those that were given."""
    assert tried({"rbac": {}}, "hi").reason_code == "rbac.missing_header"
    assert tried({"rbac": {}}, "hi", headers={"X-User-Id": "ada"}).verdict == "allowed"
