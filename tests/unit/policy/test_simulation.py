"""Recorded decisions judged again: what moved, and what could not be judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.flow.rehearsal import rehearse
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.simulation import SAMPLES, Impact, simulate
from keeptrusts.wire.mock import mock_answer
from support.policy_cases import document

ADDRESS = "write to ada@acme.io today"


def policy_of(blocks: Mapping[str, Any], content: str = "full") -> CompiledPolicy:
    """A compiled chain of these blocks, with records that keep this of the texts."""
    return compile_document(document({**blocks, "audit-logger": {"content": content}}))


def event_of(policy: CompiledPolicy, text: str, reply: str = "fine", **request: Any) -> dict[str, Any]:
    """What a gateway records of a request."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **request}).encode()

    def answer(raw: bytes) -> tuple[str, tuple[bytes, ...]]:
        said = mock_answer(raw, reply=reply)
        return said.media_type, said.pieces

    outcome = rehearse(policy, body, answer, headers={"x-user-role": "reader"})
    assert outcome.decision is not None
    event: dict[str, Any] = json.loads(json.dumps(outcome.decision.as_event()))
    return event | {"id": f"evt_{text[:6]}"}


def moves(impact: Impact) -> dict[str, int]:
    """New verdicts and how many records got them."""
    return {name: one.count for name, one in impact.moved.items() if one.count}


def reasons(impact: Impact) -> dict[str, int]:
    return {str(reason): count for reason, count in impact.left_out.items()}


NOTHING: dict[str, Any] = {"token-limit": {}}
REDACT: dict[str, Any] = {"pii-detector": {}}
BLOCK: dict[str, Any] = {"pii-detector": {"action": "block"}}
TOPIC: dict[str, Any] = {"topic-filter": {"blocked_topics": ["weapons"]}}


@pytest.mark.parametrize(
    ("before", "after", "text", "reply", "verdict"),
    [
        (NOTHING, BLOCK, ADDRESS, "fine", "blocked"),
        (NOTHING, REDACT, ADDRESS, "fine", "redacted"),
        (NOTHING, REDACT, "who?", ADDRESS, "redacted"),
        (NOTHING, TOPIC, "hello", "all about weapons", "blocked"),
        (NOTHING, {"human-oversight": {}}, "hello", "fine", "escalated"),
        (BLOCK, REDACT, ADDRESS, "fine", "redacted"),
        (BLOCK, NOTHING, ADDRESS, "fine", "allowed"),
        (REDACT, NOTHING, ADDRESS, "fine", "allowed"),
    ],
)
def test_a_verdict_that_moves(before: Any, after: Any, text: str, reply: str, verdict: str) -> None:
    """It is counted under its new name, with its reason and the event's id."""
    base = policy_of(before)
    impact = simulate(policy_of(after), [event_of(base, text, reply)], base)
    assert (moves(impact), impact.unchanged, impact.replayed) == ({verdict: 1}, 0, 1)
    assert impact.moved[verdict].sample_event_ids == [f"evt_{text[:6]}"]


@pytest.mark.parametrize(
    ("blocks", "unchanged"), [(NOTHING, 6), (REDACT, 4), (BLOCK, 4), (TOPIC, 6), ({"human-oversight": {}}, 0)]
)
def test_the_same_document_moves_nothing(blocks: Any, unchanged: int) -> None:
    """Each record comes out as it was, but for answers that were not given: those are not kept as they came."""
    base = policy_of(blocks)
    events = [event_of(base, text, reply) for text in ("hello", ADDRESS, "weapons") for reply in ("fine", ADDRESS)]
    impact = simulate(base, events, base)
    assert (moves(impact), impact.unchanged) == ({}, unchanged)
    assert reasons(impact).get("not_reproduced", 0) == 6 - unchanged


def test_what_was_redacted_is_not_judged_as_if_it_were_all() -> None:
    """A record without what was found in it does not come out as it was, so it is left out."""
    base = policy_of(BLOCK, "redacted")
    impact = simulate(policy_of(NOTHING), [event_of(base, ADDRESS), event_of(base, "hello")], base)
    assert (moves(impact), impact.unchanged, reasons(impact)) == ({}, 1, {"not_reproduced": 1})


def test_without_a_base_only_what_was_allowed_is_judged() -> None:
    """Of the rest nobody can tell what the texts were."""
    base = policy_of(REDACT, "redacted")
    impact = simulate(policy_of(BLOCK), [event_of(base, ADDRESS), event_of(policy_of(NOTHING), ADDRESS)])
    assert (moves(impact), reasons(impact), impact.base_digest) == ({"blocked": 1}, {"needs_base": 1}, None)


@pytest.mark.parametrize("content", ["none", "digest"])
def test_texts_that_were_not_kept(content: str) -> None:
    """Nothing can be said."""
    impact = simulate(policy_of(BLOCK), [event_of(policy_of(NOTHING, content), "hello")])
    assert reasons(impact) == {"no_content": 1}


def test_texts_that_were_cut() -> None:
    """What is behind the cut may have been anything."""
    impact = simulate(policy_of(BLOCK), [event_of(policy_of(NOTHING), "word " * 5000)])
    assert reasons(impact) == {"cut": 1}


def test_what_looks_at_header_fields() -> None:
    """They are not kept; a kind that has not changed and let it pass is not asked again."""
    blocks = {"rbac": {"deny_if_missing": [], "roles": {"reader": {}}}}
    event = event_of(policy_of(blocks), ADDRESS)
    assert event["verdict"] == "allowed"
    assert reasons(simulate(policy_of(blocks), [event])) == {"headers": 1}
    impact = simulate(policy_of({**blocks, **BLOCK}), [event], policy_of(blocks))
    assert (moves(impact), reasons(impact)) == ({"blocked": 1}, {})
    assert reasons(
        simulate(policy_of({"rbac": {"role_header": "X", "roles": {"a": {}}}}), [event], policy_of(blocks))
    ) == {"headers": 1}


def test_what_looks_at_tools() -> None:
    """Of them only the texts are kept."""
    tools = [{"type": "function", "function": {"name": "rm", "description": "removes"}}]
    event = event_of(policy_of(NOTHING), "hello", tools=tools)
    candidate = compile_document(document({"agent-firewall": {"blocked_tools": ["rm"]}}))
    assert reasons(simulate(candidate, [event])) == {"tools": 1}
    assert reasons(simulate(candidate, [event_of(policy_of(NOTHING), "hello")])) == {}


def test_what_asks_a_service() -> None:
    """Its answers are not kept."""
    blocks = {"external-moderation": {"endpoint": "https://moderation.example.com/check"}}
    assert reasons(simulate(policy_of(blocks), [event_of(policy_of(NOTHING), "hello")])) == {"services": 1}


def test_what_counts_between_requests() -> None:
    """What had been counted then is not kept."""
    blocks = {"bot-detector": {"fingerprint_fields": ["key_id", "text"]}}
    assert reasons(simulate(policy_of(blocks), [event_of(policy_of(NOTHING), "hello")])) == {"counts": 1}


@pytest.mark.parametrize(
    "event",
    [
        {}, {"verdict": "failed", "content": {"request": []}}, {"event_type": "loss", "verdict": "allowed"},
    ],
)  # fmt: skip
def test_what_is_no_decision(event: dict[str, Any]) -> None:
    """It is counted, and nothing more."""
    impact = simulate(policy_of(BLOCK), [event])
    assert (impact.events, impact.replayed, reasons(impact)) == (1, 0, {"not_a_decision": 1})
    assert impact.newly_blocked_ratio == 0


@pytest.mark.parametrize("kept", [[3], [{"text": "x"}], [{"text": "x", "role": "nobody", "part": "content"}]])
def test_content_of_another_shape(kept: Any) -> None:
    """It cannot be judged, and breaks nothing."""
    event = {"verdict": "allowed", "content": {"request": kept}}
    assert reasons(simulate(policy_of(BLOCK), [event])) == {"no_content": 1}


def test_samples_are_few_and_the_digests_bind() -> None:
    """Twenty ids at most; other events have another digest, other documents too."""
    event = event_of(policy_of(NOTHING), ADDRESS)
    impact = simulate(policy_of(BLOCK), [event] * (SAMPLES + 1))
    told = impact.as_json()
    assert (told["newly_blocked"]["count"], len(told["newly_blocked"]["sample_event_ids"])) == (SAMPLES + 1, SAMPLES)
    assert told["newly_blocked"]["reason_codes"] == {"pii_detector.email": SAMPLES + 1}
    assert told["newly_blocked_ratio"] == 1.0
    assert told["candidate_digest"] == policy_of(BLOCK).digest
    assert told["corpus_digest"] != simulate(policy_of(BLOCK), [event]).corpus_digest


def test_texts_that_are_encrypted() -> None:
    """An archive that nobody opened: it is not judged as if nothing had been said, and the reason says what to do."""
    event = event_of(policy_of(BLOCK), "who?") | {"content": {"sealed": "AAAA"}}
    impact = simulate(policy_of(BLOCK), [event])
    assert (reasons(impact), impact.unchanged) == ({"sealed": 1}, 0)
