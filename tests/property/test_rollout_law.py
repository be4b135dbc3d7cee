"""
The law of shadows: a client cannot tell whether a kind is watched or not there.

Whole and streamed, however a stream is cut; and what the record says that a kind would have done is what it does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.exchange import Caller
from keeptrusts.policy.asking import Answer, Question
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, STREAM, Provider, Seen, answer, chunk, cut, play, stream
from support.policy_cases import document

TARGETS = {"targets": [{"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}]}
WATCHED: dict[str, dict[str, Any]] = {
    "pii-detector": {},
    "secret-scanner": {"action": "block"},
    "topic-filter": {"blocked_topics": ["gambling", "hello"], "action": "escalate"},
    "human-oversight": {},
    "dlp-filter": {"blocked_terms": ["Project Apollo"], "action": "block"},
    "agent-firewall": {"blocked_tools": ["act"]},
    "financial-compliance": {"required_disclaimers": ["Not advice."]},
    "request-rewriter": {"system_message": "Be kind."},
    "response-rewriter": {"rules": [{"name": "all", "pattern": "[a-z]", "replacement": "x"}]},
    "token-limit": {"max_tokens": 5},
    "data-routing-policy": {"allowed_regions": ["eu"]},
    "external-moderation": {"endpoint": "https://moderation.example/v1"},
}
ENFORCED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "redaction": {"pii-detector": {}},
    "refusal": {"topic-filter": {"blocked_topics": ["nerve gas"]}},
    "redaction and refusal": {"pii-detector": {}, "topic-filter": {"blocked_topics": ["nerve gas"]}},
    "the whole answer": {"dlp-filter": {"detect_patterns": ["x+y"]}},
}
TEXTS = st.lists(
    st.sampled_from([
        "ada@example.com", "ghp_a8Kd02LmZq93Xw71Bv5TgYh4Rf6Uj8Ik0Ol1", "gambling", "nerve gas", "Project Apollo", "xxy",
        " ", "a b", "Not advice.", "\u00fc", "x" * 30,
    ]),
    max_size=6,
).map("".join)  # fmt: skip
PLACES = st.lists(st.integers(0, 4000), max_size=30)


@cache
def compiled(enforced: str, watched: str = "", mode: str = "shadow") -> CompiledPolicy:
    """The enforced kinds and, in front of them, one that is introduced in this mode."""
    blocks = {**({watched: WATCHED[watched]} if watched else {}), "audit-logger": {}, **ENFORCED[enforced]}
    if watched in ENFORCED[enforced]:
        blocks[watched] = ENFORCED[enforced][watched]
    rollout = {watched: {"mode": mode}} if watched else {}
    policies = {"chain": list(blocks), "rollout": rollout}
    return compile_document(
        document(blocks, policies=policies, providers=TARGETS, streaming={"max_holdback_chars": 4096})
    )


def flagged(question: Question) -> Answer:
    """A moderation service that objects to everything."""
    del question
    return Answer(status=200, media_type="application/json", body=b'{"flagged": true}')


def shown(seen: Seen) -> Any:
    """Everything that a client and a provider get, but for the digest of the document and the time it took."""
    timed = {"x-keeptrusts-config", "x-keeptrusts-overhead-ms"}
    headers = {name: value for name, value in seen.headers.items() if name not in timed}
    sent = [(one.target.id, one.path, one.body, one.forwarded) for one in seen.sent_upstream]
    return seen.status, headers, seen.body, sent


def recorded(seen: Seen) -> Any:
    """What the record says of the request, and of the kinds that are enforced."""
    record = seen.record
    lines = [(one.kind, one.phase, one.verdict, one.reason_code, one.findings) for one in enforced_lines(seen)]
    return record.verdict, record.reason_code, record.status, record.content, record.degraded, lines


def enforced_lines(seen: Seen) -> list[PolicyResult]:
    return [one for one in seen.record.policies if one.mode == "enforce"]


def run(policy: CompiledPolicy, text: str, places: list[int] | None, deltas: int = 7) -> Seen:
    if places is None:
        return play(policy, HELLO, Provider([answer(text)]), ask=flagged)
    body = stream([text[at : at + deltas] for at in range(0, len(text), deltas)])
    if deltas % 2:
        called = {"index": 0, "id": "c", "type": "function", "function": {"name": "act", "arguments": "{}"}}
        head, end = body.split(b"data: [DONE]")
        body = head + chunk({"tool_calls": [called]}) + b"data: [DONE]" + end
    return play(policy, STREAM, Provider(cut(body, places), media_type="text/event-stream"), ask=flagged)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(ENFORCED)), st.sampled_from(sorted(WATCHED)), TEXTS, st.none() | PLACES, st.integers(1, 9)
)
def test_a_shadow_changes_not_one_byte(
    enforced: str, watched: str, text: str, places: list[int] | None, deltas: int
) -> None:
    """For the client, the provider and the rest of the record it is as if the kind were off."""
    if watched in ENFORCED[enforced]:
        return
    without = run(compiled(enforced), text, places, deltas)
    off = run(compiled(enforced, watched, "off"), text, places, deltas)
    shadow = run(compiled(enforced, watched), text, places, deltas)

    assert shown(shadow) == shown(off) == shown(without)
    assert recorded(shadow) == recorded(off) == recorded(without)


RANKS = ["allowed", "redacted", "escalated", "blocked"]


@settings(deadline=None)
@given(st.sampled_from(sorted(WATCHED)), TEXTS, st.none() | PLACES)
def test_it_would_have_done_what_its_line_says(watched: str, text: str, places: list[int] | None) -> None:
    """The most severe of its lines is the verdict of the same kind enforced, where nothing else objects."""
    shadow = run(compiled("nothing", watched), text, places, 8)
    enforced = run(compiled("nothing", watched, "enforce"), text, places, 8)

    lines = [one for one in shadow.record.policies if one.kind == watched]
    assert {one.mode for one in lines} == {"shadow"}
    said = max((one.verdict for one in lines), key=RANKS.index)
    assert said == shadow.record.shadow_verdict == enforced.record.verdict
    assert enforced.record.shadow_verdict is None
    codes = [one.reason_code for one in lines if one.verdict == said]
    assert said == "allowed" or enforced.record.reason_code in codes


@given(st.integers(0, 500), st.integers(1, 99))
def test_a_caller_meets_the_same_policy_each_time(number: int, percent: int) -> None:
    """On every request, in every process: it depends on the key alone."""
    policy = rolled(percent)
    caller = Caller(f"key_{number}", ip="192.0.2.1")

    seen = [
        play(policy, HELLO, Provider([answer("hi")]), caller=caller, request_id=f"req_{n}").record for n in range(3)
    ]

    assert len({one.verdict for one in seen}) == 1
    assert {one.shadow_verdict for one in seen} == ({None} if seen[0].verdict == "blocked" else {"blocked"})


@cache
def rolled(percent: int) -> CompiledPolicy:
    blocks = {"topic-filter": {"blocked_topics": ["hello"]}}
    policies = {"chain": list(blocks), "rollout": {"topic-filter": {"percent": percent}}}
    return compile_document(document(blocks, policies=policies, providers=TARGETS))
