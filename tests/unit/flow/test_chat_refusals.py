"""Every way in which a request gets no answer of a model: the status, the error, and the one record before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import (
    SpoolFullError,
    UpstreamError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from keeptrusts.core.exchange import Target
from keeptrusts.flow.effects import TakeQuota
from keeptrusts.policy.compiled import Fallback, RateLimit, SizeLimits, TargetSettings
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, STREAM, Provider, answer, play, policy_of, stream
from support.policy_cases import document

DEEP = b'{"model":"m","messages":[{"role":"user","content":' + b"[" * 300 + b"]" * 300 + b"}]}"


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}).encode()


def content(*parts: Any) -> bytes:
    return chat(messages=[{"role": "user", "content": list(parts)}])


UNREADABLE = {
    "not JSON": b"{",
    "empty": b"",
    "not UTF-8": b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
    "a key twice": b'{"model":"m","model":"n","messages":[{"role":"user","content":"hello"}]}',
    "a key twice below": b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}',
    "a key twice, once escaped": b'{"model":"m","messages":[{"role":"user","content":"a","cont\\u0065nt":"b"}]}',
    "NaN": b'{"model":"m","messages":[{"role":"user","content":"hello"}],"temperature":NaN}',
    "infinity": b'{"model":"m","messages":[{"role":"user","content":"hello"}],"temperature":1e999}',
    "a lone surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    "too deep": DEEP,
    "deeper than any stack": DEEP.replace(b"[" * 300, b"[" * 100_000).replace(b"]" * 300, b"]" * 100_000),
    "a list": b"[]",
    "no messages": chat(messages=[]),
    "messages of another type": chat(messages={"role": "user"}),
    "a message of another type": chat(messages=["hello"]),
    "an unknown role": chat(messages=[{"role": "wizard", "content": "hello"}]),
    "no model": json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode(),
    "an image": content({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}),
    "audio": content({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}),
    "a file": content({"type": "text", "text": "read this"}, {"type": "file", "file": {"file_id": "f"}}),
    "a part without type": content({"text": "hello"}),
    "stream of another type": chat(stream="yes"),
    "a negative cap": chat(max_tokens=-1),
    "tools of another type": chat(tools={"name": "x"}),
    "a tool without a name": chat(tools=[{"type": "function", "function": {}}]),
    "calls of another type": chat(messages=[{"role": "assistant", "tool_calls": {"a": 1}}]),
    "a call without function": chat(messages=[{"role": "assistant", "tool_calls": [{"id": "c"}]}]),
    "a reserved key": chat(messages=[{"role": "user", "content": {"#json": "x"}}]),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    """Law 2: 422, a record that says it was blocked, and no provider is asked."""
    seen = play(policy_of(), body, Provider([answer("hi")]))

    assert (seen.status, seen.error["type"], seen.sent_upstream) == (422, "validation_error", [])
    assert (seen.record.verdict, seen.record.reason_code, seen.record.status) == ("blocked", "request_unreadable", 422)
    assert seen.ended


def test_a_refusal_tells_its_ids() -> None:
    """Client and auditor can name the same request."""
    seen = play(policy_of(), b"{")

    assert (seen.error["request_id"], seen.error["event_id"]) == ("req_1", "evt_1")
    assert seen.headers["x-request-id"] == "req_1"
    assert seen.headers["x-keeptrusts-event-id"] == seen.record.id == "evt_1"
    assert seen.headers["x-keeptrusts-verdict"] == "blocked"
    assert seen.headers["x-keeptrusts-config"] == "1.0.0@sha256:test"


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "streamed"])
def test_a_disabled_configuration_refuses(body: bytes) -> None:
    """`pack.enabled: false` is 503, and is recorded."""
    seen = play(policy_of(enabled=False), body)

    assert (seen.status, seen.error["code"]) == (503, "configuration_disabled")
    assert (seen.record.verdict, seen.record.reason_code) == ("failed", "configuration_disabled")


@pytest.mark.parametrize("arrival", [{}, {"oversized": True, "body": b"{"}], ids=["of the document", "of the gateway"])
def test_a_body_over_the_limit_is_refused(arrival: dict[str, Any]) -> None:
    """413, whether the document or the gateway set the limit; the body is not read."""
    seen = play(policy_of(size_limits=SizeLimits(max_body_bytes=len(HELLO) - 1)), **arrival)

    assert (seen.status, seen.error["code"]) == (413, "body_too_large")
    assert (seen.record.verdict, seen.record.reason_code) == ("failed", "body_too_large")


def test_a_body_of_exactly_the_limit_is_let_through() -> None:
    """The limit itself is allowed."""
    seen = play(policy_of(size_limits=SizeLimits(max_body_bytes=len(HELLO))), HELLO, Provider([answer("hi")]))

    assert seen.status == 200


def test_no_target_is_no_compliant_provider() -> None:
    """A document without targets refuses, and says so."""
    seen = play(policy_of(targets=()))

    assert (seen.status, seen.error["code"], seen.record.reason_code) == (503, "no_compliant_provider", "no_provider")


def test_routing_refuses_when_no_target_complies() -> None:
    """`data-routing-policy` admits none: 503 by its name, and nothing is sent."""
    target = {"id": "far", "provider": "openai:chat:gpt-4o", "region": "us-east-1", "secret_key_ref": {"env": "KEY"}}
    policy = compile_document(
        document({"data-routing-policy": {"allowed_regions": ["eu-west-1"]}}, providers={"targets": [target]})
    )
    seen = play(policy)

    assert (seen.status, seen.error["code"]) == (503, "no_compliant_provider")
    assert seen.error["policy"] == "data-routing-policy"
    assert (seen.record.verdict, seen.record.reason_code) == ("blocked", "data_routing_policy.region")
    assert (seen.record.phase, seen.sent_upstream) == ("route", [])


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "streamed"])
def test_an_exhausted_quota_is_told_when_to_come_back(body: bytes) -> None:
    """429 with `Retry-After`; the provider is not asked."""
    seen = play(policy_of(rate_limits=(RateLimit("global", 1, 60),)), body, quota=7)

    assert (seen.status, seen.error["code"], seen.headers["retry-after"]) == (429, "rate_limit", "7")
    assert (seen.record.verdict, seen.record.reason_code, seen.sent_upstream) == ("failed", "rate_limit", [])


@pytest.mark.parametrize(
    ("kind", "block", "code", "verdict"),
    [
        ("pii-detector", {"action": "block"}, "input_blocked", "blocked"),
        ("topic-filter", {"blocked_topics": ["ada"], "action": "escalate"}, "escalation_required", "escalated"),
    ],
)
def test_a_request_that_a_policy_withholds_burns_no_quota(
    kind: str, block: dict[str, Any], code: str, verdict: str
) -> None:
    """409 by the name of the kind, and the record keeps a mark where the match was."""
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    rate = {"max_requests": 1, "window_seconds": 60}
    policy = compile_document(
        document({"audit-logger": {}, kind: block}, providers={"targets": [target]}, global_rate_limit=rate)
    )
    seen = play(policy, HELLO.replace(b"hello", b"I am ada@example.com"), quota=7)

    assert (seen.status, seen.error["code"], seen.error["policy"]) == (409, code, kind)
    assert seen.error.get("escalation_id") == seen.record.escalation_id == ("esc_1" if verdict == "escalated" else None)
    assert not any(isinstance(effect, TakeQuota) for effect in seen.effects)
    assert (seen.record.verdict, seen.record.phase, seen.sent_upstream) == (verdict, "input", [])
    assert seen.record.content is not None
    assert seen.record.content["request"][0]["text"] in {"I am [email]", "I am [ada]@example.com"}


@pytest.mark.parametrize("body", [HELLO, STREAM, b"{"], ids=["whole", "streamed", "unreadable"])
def test_a_full_spool_gives_no_answer(body: bytes) -> None:
    """What cannot be recorded is not answered: 503, even where a refusal was due."""
    seen = play(policy_of(), body, Provider([answer("hello there")]), record_fails=SpoolFullError("full"))

    assert (seen.status, seen.error["code"], seen.headers["retry-after"]) == (503, "spool_full", "5")
    assert b"hello there" not in seen.body


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("refuses", "status", "code"),
    [
        (UpstreamUnreachableError("x"), 502, "upstream_unreachable"),
        (UpstreamTimeoutError("x"), 504, "upstream_timeout"),
        (UpstreamLostError("x"), 502, "upstream_lost"),
    ],
)
def test_a_provider_that_does_not_answer(body: bytes, refuses: UpstreamError, status: int, code: str) -> None:
    """502, or 504 when it took too long; never a hanging client."""
    seen = play(policy_of(), body, Provider(refuses=refuses))

    assert (seen.status, seen.error["type"], seen.error["code"]) == (status, "upstream_error", code)
    assert (seen.record.verdict, seen.record.reason_code, seen.record.status) == ("failed", code, status)
    assert seen.record.target_id == "main"


def test_a_key_that_is_missing_is_no_network_that_fails() -> None:
    """The client is not told to try again, nor which variable of the gateway is empty."""
    missing = UpstreamUnreachableError("set `SOME_KEY`", code="credential_missing")
    seen = play(policy_of(), HELLO, Provider(refuses=missing))

    assert (seen.status, seen.error["code"]) == (502, "credential_missing")
    assert "has no key" in seen.error["message"]
    assert not any(words in seen.body for words in (b"try again", b"SOME_KEY"))


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("upstream", "status", "code"),
    [
        (401, 502, "upstream_credential"),
        (403, 502, "upstream_credential"),
        (429, 429, "upstream_rate_limit"),
        (500, 502, "upstream_error"),
        (503, 502, "upstream_error"),
        (400, 400, "upstream_refused"),
        (404, 404, "upstream_refused"),
    ],
)
def test_a_provider_that_refuses(body: bytes, upstream: int, status: int, code: str) -> None:
    """Its status means something to the client, its text does not pass: nobody has read it."""
    seen = play(policy_of(), body, Provider([b'{"error":{"message":"key sk-1 is wrong"}}'], upstream))

    assert (seen.status, seen.error["code"]) == (status, code)
    assert b"sk-1" not in seen.body
    assert (seen.record.verdict, seen.record.reason_code) == ("failed", code)


GARBAGE = {
    "no JSON": [b"<html>"],
    "nothing": [],
    "a key twice": [b'{"choices":[],"choices":[]}'],
    "no choices": [b'{"id":"c1"}'],
    "an image": [answer("x").replace(b'"content": "x"', b'"content": [{"type": "image_url"}]')],
    "no UTF-8": [answer("x").replace(b'"x"', b'"\xff"')],
}


@pytest.mark.parametrize("pieces", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "streamed"])
def test_garbage_from_the_provider(body: bytes, pieces: list[bytes]) -> None:
    """502: what cannot be read is not passed on."""
    seen = play(policy_of(), body, Provider(pieces))

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")
    assert (seen.record.verdict, seen.record.reason_code) == ("failed", "upstream_garbled")


def test_a_stream_that_was_not_asked_for_is_garbage() -> None:
    """A client that wants one document gets no events."""
    assert play(policy_of(), HELLO, Provider([stream(["hi"])], media_type="text/event-stream")).status == 502


def test_an_answer_over_the_limit_is_given_up() -> None:
    """`size_limits.max_response_bytes` bounds what is held."""
    policy = policy_of(size_limits=SizeLimits(max_response_bytes=100))
    seen = play(policy, HELLO, Provider([answer("x" * 200)]))

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")


@pytest.mark.parametrize(
    ("lost", "status", "code"),
    [(UpstreamLostError("x"), 502, "upstream_lost"), (UpstreamTimeoutError("x"), 504, "upstream_timeout")],
)
def test_half_an_answer_is_no_answer(lost: UpstreamError, status: int, code: str) -> None:
    """A whole answer that stops in the middle is an error, not what had come."""
    seen = play(policy_of(), HELLO, Provider([answer("hello there")[:40], lost]))

    assert (seen.status, seen.error["code"], seen.record.reason_code) == (status, code, code)


@pytest.mark.parametrize("body", [HELLO, b"{"], ids=["answered", "refused"])
@pytest.mark.parametrize("record_fails", [None, SpoolFullError("full")])
def test_a_client_that_leaves_before_the_end_changes_no_record(
    body: bytes, record_fails: SpoolFullError | None
) -> None:
    """The record was made before the answer was sent; whether that arrived changes nothing."""
    seen = play(policy_of(), body, Provider([answer("hi")]), leaves_after=0, record_fails=record_fails)

    assert len(seen.records) == 1


def test_a_client_that_leaves_the_list_of_models() -> None:
    """Nothing was asked of a provider, so there is nothing to record."""
    seen = play(policy_of(), path="/v1/models", leaves_after=0)

    assert seen.records == []


def targets(*ids: str) -> tuple[TargetSettings, ...]:
    return tuple(
        TargetSettings(
            target=Target(one, "openai-compatible", model=f"{one}-model"), base_url="http://p", format="openai"
        )
        for one in ids
    )


BROKEN = {
    "rate_limit": Provider(status=429),
    "server_error": Provider(status=500),
    "timeout": Provider(refuses=UpstreamTimeoutError("x")),
    "connection": Provider(refuses=UpstreamUnreachableError("x")),
}


@pytest.mark.parametrize("trigger", BROKEN)
def test_the_next_target_is_asked_on_its_trigger(trigger: str) -> None:
    """In the order of the document, each with its own model; the record names the one that answered."""
    policy = policy_of(targets=targets("a", "b", "c"), fallback=Fallback(enabled=True))
    seen = play(policy, HELLO, [BROKEN[trigger], BROKEN[trigger], Provider([answer("hi")])])

    assert [one.target.id for one in seen.sent_upstream] == ["a", "b", "c"]
    assert [json.loads(one.body)["model"] for one in seen.sent_upstream] == ["a-model", "b-model", "c-model"]
    assert (seen.status, seen.record.target_id, seen.record.verdict) == (200, "c", "allowed")


def test_a_callers_credential_stays_with_the_first_provider() -> None:
    """A fallback is another company, and the caller's key is none of its business."""
    policy = policy_of(targets=targets("a", "b"), fallback=Fallback(enabled=True))
    headers = (("authorization", "Bearer sk-of-the-caller"), ("openai-organization", "org-1"), ("user-agent", "x"))
    seen = play(policy, HELLO, [Provider(status=500), Provider([answer("hi")])], headers=headers)

    first, second = (dict(one.forwarded) for one in seen.sent_upstream)
    assert (first["authorization"], first["openai-organization"]) == ("Bearer sk-of-the-caller", "org-1")
    assert set(second) == {"user-agent", "content-type"}


@pytest.mark.parametrize("trigger", BROKEN)
def test_other_failures_end_the_request(trigger: str) -> None:
    """A trigger that the document does not name asks nobody else."""
    others = frozenset(BROKEN) - {trigger}
    policy = policy_of(targets=targets("a", "b"), fallback=Fallback(enabled=True, triggers=others))  # type: ignore[arg-type]
    seen = play(policy, HELLO, [BROKEN[trigger], Provider([answer("hi")])])

    assert [one.target.id for one in seen.sent_upstream] == ["a"]
    assert seen.status >= 429


def test_without_fallback_one_target_is_asked() -> None:
    """Fallback is asked for, not assumed."""
    seen = play(policy_of(targets=targets("a", "b")), HELLO, [Provider(status=500), Provider([answer("hi")])])

    assert (len(seen.sent_upstream), seen.status) == (1, 502)


def test_attempts_are_counted() -> None:
    """`max_fallback_attempts` counts the tries after the first; the last failure is what the client hears."""
    policy = policy_of(targets=targets("a", "b", "c"), fallback=Fallback(enabled=True, max_attempts=1))
    seen = play(policy, HELLO, [Provider(status=500), BROKEN["timeout"], Provider([answer("hi")])])

    assert (len(seen.sent_upstream), seen.status, seen.record.target_id) == (2, 504, "b")


def test_a_refusal_of_the_provider_asks_nobody_else() -> None:
    """400 would be 400 elsewhere."""
    policy = policy_of(targets=targets("a", "b"), fallback=Fallback(enabled=True))
    seen = play(policy, HELLO, [Provider(status=400), Provider([answer("hi")])])

    assert (len(seen.sent_upstream), seen.status) == (1, 400)


def test_fallback_stays_within_what_routing_admits() -> None:
    """A target that the data may not reach is no fallback."""
    secret = {"env": "KEY"}
    listed = [
        {"id": "far", "provider": "openai:chat:gpt-4o", "region": "us-east-1", "secret_key_ref": secret},
        {"id": "near", "provider": "openai:chat:gpt-4o", "region": "eu-west-1", "secret_key_ref": secret},
        {"id": "unknown", "provider": "openai:chat:gpt-4o", "secret_key_ref": secret},
    ]
    providers = {"targets": listed, "fallback": {"enabled": True}}
    policy = compile_document(
        document({"data-routing-policy": {"allowed_regions": ["eu-west-1"]}}, providers=providers)
    )
    seen = play(policy, HELLO, [Provider(status=500), Provider([answer("hi")])])

    assert [one.target.id for one in seen.sent_upstream] == ["near"]
    assert seen.status == 502
