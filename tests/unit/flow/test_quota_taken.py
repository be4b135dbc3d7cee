"""What a request takes of rates and budgets, what it is told of them, and how they are set right."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.errors import QuotaUnavailableError, UpstreamLostError, UpstreamUnreachableError
from keeptrusts.core.exchange import Caller
from keeptrusts.flow.effects import Meter, SettleQuota, TakeQuota
from keeptrusts.policy.compiled import Agent, CompiledPolicy, Fallback, ModelGroup, Pricing, RateLimit, TokenLimit
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, STREAM, TARGET, Provider, Seen, answer, chunk, play, policy_of, stream
from support.policy_cases import document

FINE = Provider([answer("hi")])
STREAMED = Provider([stream(["hello ", "there"])], media_type="text/event-stream")
PRICED = replace(TARGET, pricing=Pricing(input=2.0, output=10.0, cached_input=2.0))
BOT = Caller(agent_id="bot", ip="192.0.2.1")
TOKENS = TokenLimit(100, 60)


def limited(*limits: RateLimit, **fields: Any) -> CompiledPolicy:
    return policy_of(rate_limits=limits, targets=(PRICED,), **fields)


def of_bot(**caps: Any) -> CompiledPolicy:
    return limited(agents=(Agent("other", (), 1), Agent("bot", **caps)))


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 39}], **fields}).encode()


def meters(seen: Seen) -> tuple[Meter, ...]:
    (taken,) = (effect.meters for effect in seen.effects if isinstance(effect, TakeQuota))
    return taken


def settled(seen: Seen) -> dict[str, int]:
    """By unit, what was changed."""
    (effect,) = (effect for effect in seen.effects if isinstance(effect, SettleQuota))
    assert effect.at_ms == 77
    return {meter.unit: change for meter, change in effect.changes}


def keys(seen: Seen) -> list[str]:
    return [meter.key for meter in meters(seen)]


def test_without_limits_nothing_is_taken() -> None:
    """The gateway is not asked."""
    assert not any(isinstance(one, TakeQuota | SettleQuota) for one in play(policy_of(), HELLO, FINE).effects)


def test_each_limit_is_a_meter() -> None:
    """Keys tell callers apart, and do not tell who they are."""
    policy = limited(
        RateLimit("global", 9, 60), RateLimit("user", 5, 60, ("x-tenant", "x-user-id")), RateLimit("ip", 3, 1)
    )
    ann, bob, nobody = (
        play(policy, HELLO, FINE, caller=Caller(ip=ip, headers={"x-user-id": "zoe"} | tenant, user_id="zoe"))
        for ip, tenant in (("192.0.2.1", {"x-tenant": "ann"}), ("192.0.2.2", {"x-tenant": "bob"}), ("192.0.2.2", {}))
    )

    assert [(one.unit, one.most, one.window_seconds, one.amount) for one in meters(ann)] == [
        ("requests", 9, 60, 1), ("requests", 5, 60, 1), ("requests", 3, 1, 1),
    ]  # fmt: skip
    assert keys(ann)[0] == keys(bob)[0] == "{test}:global:60:all"
    assert len({keys(one)[1] for one in (ann, bob, nobody)}) == 3
    assert keys(ann)[2] != keys(bob)[2] == keys(nobody)[2]
    assert "ann" not in str(keys(ann))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:0:0:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("no address", "no address", True),
    ],
)
def test_an_address_is_counted_by_who_has_it(one: str, other: str, *, same: bool) -> None:
    """Of IPv6 a network of 64 bits; an IPv4 address is itself however it is written."""
    policy = limited(RateLimit("ip", 3, 1))
    counted = [keys(play(policy, HELLO, FINE, caller=Caller(ip=ip))) for ip in (one, other)]

    assert (counted[0] == counted[1]) == same


def test_a_user_is_the_one_that_the_request_names() -> None:
    """When the gateway knows no better; without any there is no limit of users."""
    policy = limited(RateLimit("user", 5, 60, ("x-user-id",)))
    named = play(policy, chat(user="u-7"), FINE)
    known = play(policy, chat(user="other"), FINE, caller=Caller(user_id="u-7"))

    assert keys(named) == keys(known)
    assert not any(isinstance(one, TakeQuota) for one in play(policy, chat(), FINE).effects)


def test_answers_tell_what_is_left() -> None:
    """Of the rate of which the least is left, whole and streamed alike."""
    policy = limited(RateLimit("global", 10, 60), RateLimit("ip", 3, 60))
    for seen in (play(policy, HELLO, FINE), play(policy, STREAM, STREAMED)):
        assert {name: value for name, value in seen.headers.items() if name.startswith("ratelimit")} == {
            "ratelimit-limit": "3", "ratelimit-remaining": "2", "ratelimit-reset": "60", "ratelimit-policy": "3;w=60",
        }  # fmt: skip


@pytest.mark.parametrize("scope", ["global", "user", "agent", "key"])
def test_tokens_are_counted_by_scope(scope: Any) -> None:
    """Those without a name share a count."""
    policy = limited(token_limit=replace(TOKENS, scope=scope))
    one, other, nobody = (
        keys(play(policy, HELLO, FINE, caller=Caller(key_id=name, user_id=name, agent_id=name)))
        for name in ("a", "b", None)
    )

    assert (one == other, nobody) == (scope == "global", [f"{{test}}:tokens-{scope}:60:all"])


@pytest.mark.parametrize(
    ("fields", "reserved"), [({}, 10), ({"max_tokens": 50}, 60), ({"max_completion_tokens": 7}, 17)]
)
def test_what_an_answer_may_come_to_is_reserved(fields: dict[str, int], reserved: int) -> None:
    """The length of the request, and the cap on its answer when it has one."""
    seen = play(limited(token_limit=TOKENS), chat(**fields), FINE)

    assert [one.amount for one in meters(seen)] == [reserved]
    assert settled(seen) == {"tokens": 8 - reserved}


def test_the_cap_of_the_document_counts() -> None:
    """It is what the provider is asked for."""
    compiled = compile_document(
        document({"token-limit": {"max_tokens": 30}}, providers={"targets": [{"id": "a", "provider": "mock"}]})
    )
    seen = play(replace(compiled, token_limit=TOKENS), chat(max_tokens=1000), FINE)

    assert [one.amount for one in meters(seen)] == [40]


def test_a_stream_without_counts_is_estimated() -> None:
    """By what was passed on; the client that leaves before the end has had it, too."""
    policy = limited(token_limit=TOKENS)
    assert settled(play(policy, STREAM, STREAMED)) == {"tokens": 11 // 4}
    pieces = [chunk({"content": "x" * 400}), chunk({"content": "y"}), chunk({"content": "z"})]
    gone = play(policy, STREAM, Provider(pieces, media_type="text/event-stream"), leaves_after=1)
    assert (gone.record.status, settled(gone)["tokens"] >= 100) == (499, True)


@pytest.mark.parametrize(
    "provider",
    [
        Provider([b"{}"], status=503),
        Provider(refuses=UpstreamUnreachableError("no")),
        Provider([UpstreamLostError("x")]),
    ],
)
def test_who_gets_no_answer_pays_for_none(provider: Provider) -> None:
    """What was reserved is given back."""
    assert settled(play(limited(token_limit=TOKENS), HELLO, provider)) == {"tokens": -2}


def test_an_agent_has_a_budget_for_the_day() -> None:
    """Of requests, tokens and money, which is counted in billionths of a dollar."""
    seen = play(
        of_bot(max_requests_per_day=5, max_tokens_per_day=900, max_cost_usd_per_day=1.5),
        chat(max_tokens=10),
        FINE,
        caller=BOT,
    )

    assert [(one.unit, one.most, one.amount, one.daily) for one in meters(seen)] == [
        ("requests", 5, 1, True), ("tokens", 900, 20, True), ("cost", 1_500_000_000, 120_000, True),
    ]  # fmt: skip
    assert seen.record.cost_usd == 0.000056
    assert settled(seen) == {"tokens": -12, "cost": 56_000 - 120_000}
    assert "ratelimit-limit" not in seen.headers


@pytest.mark.parametrize("caller", [Caller(), Caller(agent_id="stranger")])
def test_who_is_no_agent_of_the_document_has_no_budget(caller: Caller) -> None:
    """The header is the agent's own word; keys and rates bind the others."""
    assert not any(
        isinstance(one, TakeQuota) for one in play(of_bot(max_requests_per_day=1), HELLO, FINE, caller=caller).effects
    )


@pytest.mark.parametrize(
    ("policy", "status", "code", "kind", "reason"),
    [
        (limited(RateLimit("ip", 1, 60)), 429, "rate_limit", None, "rate_limit"),
        (limited(token_limit=TOKENS), 429, "rate_limit", None, "token_rate_limit"),
        (of_bot(max_tokens_per_day=1), 402, "budget_exceeded", "agents", "budget_exceeded"),
        (of_bot(max_cost_usd_per_day=1.0), 402, "budget_exceeded", "agents", "budget_exceeded"),
    ],
)  # fmt: skip
def test_no_room(policy: CompiledPolicy, status: int, code: str, kind: str | None, reason: str) -> None:
    """The client is told when to come back, nobody is asked, and nothing is to be set right."""
    seen = play(policy, HELLO, quota=7, caller=BOT)

    assert (seen.status, seen.error["code"], seen.error["policy"], seen.headers["retry-after"]) == (
        status,
        code,
        kind,
        "7",
    )
    assert (seen.record.reason_code, seen.sent_upstream) == (reason, [])
    assert not any(isinstance(effect, SettleQuota) for effect in seen.effects)


def test_a_count_that_does_not_answer_refuses() -> None:
    """Where the gateway was told so."""
    seen = play(limited(RateLimit("ip", 1, 60)), HELLO, quota=QuotaUnavailableError("down"))

    assert (seen.status, seen.error["code"], seen.headers["retry-after"]) == (503, "limits_unavailable", "1")
    assert seen.record.reason_code == "limits_unavailable"


@pytest.mark.parametrize(("model", "allowed"), [("m", True), ("quick", True), ("fast", True), ("n", False)])
def test_an_agent_asks_for_its_models(model: str, *, allowed: bool) -> None:
    """By name; a group's name allows its aliases."""
    policy = replace(
        of_bot(allowed_models=("m", "fast")),
        groups=(ModelGroup("fast", ("main",), ("quick",)),),
        fallback=Fallback(enabled=True),
    )
    seen = play(policy, chat(model=model), FINE, caller=BOT)

    if allowed:
        assert seen.status == 200
    else:
        assert (seen.status, seen.error["code"], seen.error["policy"]) == (409, "input_blocked", "agents")
        assert (seen.record.verdict, seen.record.reason_code) == ("blocked", "agents.model_not_allowed")
        assert seen.sent_upstream == []
