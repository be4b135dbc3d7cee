"""Rates and budgets over real sockets: what a client is told, and that gateways count together."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from keeptrusts.flow.chat import serve
from keeptrusts.gateway.quota import Quota
from keeptrusts.gateway.shared_quota import SharedQuota
from keeptrusts.policy.compiled import Agent, Pricing, RateLimit
from support.flows import HELLO
from support.flows import answer as completion
from support.gateway_parts import CLOSE, Rig, always, answer, fields, gateway, policy_to, post, provider, run_on_loop
from support.redis_server import redis_server

FINE = answer(completion("hi"), b"content-type: application/json")


async def ask(rig: Rig, *headers: bytes) -> tuple[int, dict[str, str], bytes]:
    return fields(await rig.ask(post(HELLO, CLOSE, *headers)))


def test_addresses_are_believed_as_far_as_proxies_are(tmp_path: Path) -> None:
    """A rate of addresses counts those that a trusted proxy tells, and the answer says what is left."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            policy = replace(policy_to(up.port), rate_limits=(RateLimit("ip", 1, 60, trust_proxy_depth=1),))
            async with gateway(tmp_path, policy, serve=serve) as rig:
                status, named, _ = await ask(rig, b"x-forwarded-for: 1.1.1.1")
                assert (status, named["ratelimit-limit"], named["ratelimit-remaining"]) == (200, "1", "0")
                status, named, body = await ask(rig, b"x-forwarded-for: 1.1.1.1")
                assert (status, json.loads(body)["error"]["code"]) == (429, "rate_limit")
                assert 58 <= int(named["retry-after"]) <= 60
                assert named["ratelimit-policy"] == "1;w=60"
                assert (await ask(rig, b"x-forwarded-for: 1.1.1.1, 2.2.2.2"))[0] == 200

    run_on_loop(scene())


def test_an_agents_money_is_spent(tmp_path: Path) -> None:
    """By what its answers cost; then it waits for the next day, and the others do not."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            policy = policy_to(up.port, pricing=Pricing(input=2.0, output=10.0, cached_input=2.0))
            agents = (Agent("bot", max_cost_usd_per_day=0.0001),)
            async with gateway(tmp_path, replace(policy, agents=agents), serve=serve) as rig:
                bot = b"x-keeptrusts-agent-id: bot"
                assert [(await ask(rig, bot))[0] for _ in range(3)] == [200, 200, 402]
                status, named, body = await ask(rig, bot)
                assert (status, json.loads(body)["error"]["code"]) == (402, "budget_exceeded")
                assert 0 < int(named["retry-after"]) <= 86_400
                assert (await ask(rig, b"x-keeptrusts-agent-id: other"))[0] == 200
                events = await rig.recorded(5)
                assert [event["cost_usd"] for event in events] == [0.000056, 0.000056, None, None, 0.000056]

    run_on_loop(scene())


def test_gateways_count_together(tmp_path: Path) -> None:
    """Two gateways on one Redis let pass what one may, and say so when it is gone."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            policy = replace(policy_to(up.port), rate_limits=(RateLimit("global", 3, 60),))
            strict, lenient = (SharedQuota(redis.url, Quota(time.time), mode) for mode in ("block", "allow"))
            one = gateway(tmp_path / "a", policy, serve=serve, quota=strict)
            two = gateway(tmp_path / "b", policy, serve=serve, quota=lenient)
            async with one as first, two as second:
                turns = [first, second, first, second, first]
                assert [(await ask(rig))[0] for rig in turns] == [200, 200, 200, 429, 429]
                redis.stop()
                status, named, body = await ask(first)
                assert (status, json.loads(body)["error"]["code"]) == (503, "limits_unavailable")
                assert named["retry-after"] == "1"
                assert (await ask(second))[0] == 200
                assert [event["degraded"] for event in await second.recorded(3)] == [False, False, True]
            await strict.close()
            await lenient.close()

    with redis_server() as redis:
        run_on_loop(scene())
