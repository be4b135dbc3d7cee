"""Rates and budgets that several gateways count together, in a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from keeptrusts.core.errors import InputError, QuotaUnavailableError
from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.flow.consulting import consulted
from keeptrusts.flow.effects import Meter, TakeQuota
from keeptrusts.gateway.quota import Quota
from keeptrusts.gateway.settings import FailMode
from keeptrusts.gateway.shared_quota import SharedQuota
from keeptrusts.policy.document import compile_document
from support.gateway_parts import run_on_loop
from support.policy_cases import document
from support.redis_server import RedisServer, redis_server

RATE = Meter("{c}:global:2:all", "requests", 3, 2, 1)
TOKENS = Meter("{c}:tokens:60:all", "tokens", 100, 60, 30)
COST = Meter("{c}:agent-cost:86400:a", "cost", 5_000_000_000, 86_400, 3_000_000_000, daily=True)


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    """One server for the module; each test has keys of its own."""
    with redis_server() as made:
        yield made


@asynccontextmanager
async def gateways(server: RedisServer, count: int, on_down: FailMode = "block") -> AsyncIterator[list[SharedQuota]]:
    made = [SharedQuota(server.url, Quota(time.time), on_down) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            await one.close()


def test_gateways_share_a_rate(shared: RedisServer) -> None:
    """However many ask at once, so many pass; after the window others do, no earlier and hardly later."""

    async def scene() -> None:
        async with gateways(shared, 3) as made:
            began = time.monotonic()
            rooms = await asyncio.gather(*(made[number % 3].take([RATE]) for number in range(30)))
            passed = [room for room in rooms if room.refused is None]
            assert len(passed) == 3
            assert sorted(room.left[0] for room in passed) == [0, 1, 2]
            assert {room.wait_seconds for room in rooms if room.refused == 0} <= {2, 3}
            while (await made[0].take([RATE])).refused is not None:  # noqa: ASYNC110 - only time tells
                await asyncio.sleep(0.02)
            assert 1.9 < time.monotonic() - began < 4.0

    run_on_loop(scene())


def test_what_a_kind_counts_is_counted_by_all(shared: RedisServer) -> None:
    """The third of nearly equal requests is too many, whichever gateway got the others."""
    chain = compile_document(document({"bot-detector": {"max_requests_per_window": 2, "action": "block"}})).chain
    asked = Exchange(Phase.INPUT, (Text(("m",), "what is the price of item 4711?"),), configuration="shared")

    async def judged(gateway: SharedQuota) -> str:
        flow = consulted(chain.request_steps(asked, lambda: 0))
        effect = flow.send(None)
        assert isinstance(effect, TakeQuota)
        room = await gateway.take(effect.meters)
        with pytest.raises(StopIteration) as done:
            flow.send(room)
        return str(done.value.value.verdict.code)

    async def scene() -> None:
        async with gateways(shared, 2) as (one, other):
            told = [await judged(gateway) for gateway in (one, other, one)]
        assert told == ["all_policies_passed", "all_policies_passed", "bot_detector.repeated"]

    run_on_loop(scene())


def test_all_meters_or_none(shared: RedisServer) -> None:
    """A refusal charges nothing, and names the meter that has no room."""

    async def scene() -> None:
        async with gateways(shared, 1) as (one,):
            wide = replace(RATE, key="{c}:wide", most=10, window_seconds=60)
            narrow = replace(RATE, key="{c}:narrow", most=1, window_seconds=60)
            assert (await one.take([wide, narrow])).left == (9, 0)
            refused = await one.take([wide, narrow])
            assert (refused.refused, refused.left) == (1, (9, 0))
            assert 58 <= refused.wait_seconds <= 61
            assert (await one.take([wide])).left == (8,)

    run_on_loop(scene())


def test_tokens_and_money_are_set_right(shared: RedisServer) -> None:
    """By another gateway, too; amounts are exact beyond what a float of Lua prints."""

    async def scene() -> None:
        async with gateways(shared, 2) as (one, other):
            room = await one.take([TOKENS, COST])
            assert room.left == (70, 2_000_000_000)
            await other.settle([(TOKENS, 60), (COST, -2_999_999_999)], room.at_ms)
            after = await one.take([replace(TOKENS, amount=1), replace(COST, amount=1)])
            assert after.left == (9, 4_999_999_998)
            assert 0 < after.reset_seconds[1] <= 86_400
            await one.settle([(replace(TOKENS, key="{c}:never"), 5)], room.at_ms)
            assert (await one.take([replace(TOKENS, key="{c}:never", amount=0)])).left == (100,)

    run_on_loop(scene())


def test_a_server_that_is_gone(shared: RedisServer) -> None:
    """Refused, or counted in this process and said so, as the setting says; when it is back it counts again."""
    del shared

    async def scene(server: RedisServer) -> None:
        async with gateways(server, 1) as (strict,), gateways(server, 1, "allow") as (lenient,):
            room = await strict.take([TOKENS])
            server.stop()
            with pytest.raises(QuotaUnavailableError):
                await strict.take([TOKENS])
            await strict.settle([(TOKENS, -30)], room.at_ms)
            own = await lenient.take([TOKENS])
            assert (own.degraded, own.left) == (True, (70,))
            await lenient.settle([(TOKENS, 20)], own.at_ms)
            assert (await lenient.take([TOKENS])).left == (20,)
            server.start()
            await asyncio.sleep(1.05)
            assert (await strict.take([TOKENS])).left == (70,)
            assert not (await lenient.take([TOKENS])).degraded

    with redis_server() as server:
        run_on_loop(scene(server))


def test_a_silent_server_holds_nobody_up() -> None:
    """It is given half a second, and then left alone for one."""

    async def scene() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        quota = SharedQuota(f"redis://127.0.0.1:{port}", Quota(time.time), "allow")
        began = time.monotonic()
        assert (await quota.take([TOKENS])).degraded
        first = time.monotonic() - began
        assert (await quota.take([TOKENS])).degraded
        assert first < 5.0
        assert time.monotonic() - began - first < 0.2
        await quota.close()
        listening.close()

    run_on_loop(scene())


def test_an_url_that_is_none_is_refused() -> None:
    """Without showing it: it may hold a password."""
    with pytest.raises(InputError) as refused:
        SharedQuota("http://:secret@host", Quota(time.time))
    assert "secret" not in str(refused.value)
