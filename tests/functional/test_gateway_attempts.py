"""Retries, fallback and circuits over real sockets, as a client, the pages and the record see them."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from keeptrusts.core.exchange import Target
from keeptrusts.flow.chat import serve
from keeptrusts.policy.compiled import CircuitBreaker, CompiledPolicy, Fallback, Retry
from support.flows import HELLO
from support.flows import answer as completion
from support.gateway_parts import (
    CLOSE,
    Rig,
    Script,
    answer,
    fields,
    gateway,
    get,
    policy_to,
    post,
    provider,
    read_request,
    run_on_loop,
)

FINE = answer(completion("hi"), b"content-type: application/json")
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}"
CUT = FINE[:-20]
SOON = Retry(max_attempts=2, initial_delay_ms=1, max_delay_ms=10)


def saying(*answers: bytes) -> Script:
    """Each request the next of these, and the last for ever; one that is cut hangs up after it."""
    left = list(answers)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            said = left.pop(0) if len(left) > 1 else left[0]
            writer.write(said)
            await writer.drain()
            if said in {b"", CUT}:
                return

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    del writer
    await read_request(reader)
    await reader.read()


def two(first: int, second: int, **settings: Any) -> CompiledPolicy:
    """Two targets, of which the second is tried after the first."""
    policy = policy_to(first, **settings)
    other = replace(policy_to(second).targets[0], target=Target("other", "openai-compatible"))
    return replace(policy, targets=(*policy.targets, other), fallback=Fallback(enabled=True))


async def ask(rig: Rig) -> tuple[int, dict[str, str], bytes]:
    return fields(await rig.ask(post(HELLO, CLOSE)))


async def attempts(rig: Rig, count: int) -> list[list[str]]:
    """Of each record: target and outcome of its attempts."""
    records = await rig.recorded(count)
    return [[f"{one['target_id']} {one['outcome']}" for one in record["attempts"]] for record in records]


async def shown(rig: Rig, page: str) -> Any:
    return json.loads(fields(await rig.ask(get(page)))[2])["providers"]


def test_the_client_sees_nothing_of_a_retry(tmp_path: Path) -> None:
    """A provider that is busy once, and one that hangs up in the middle of its answer."""

    async def scene() -> None:
        async with provider(saying(BUSY, FINE, CUT, b"", FINE)) as up:
            policy = replace(policy_to(up.port), retry=replace(SOON, max_attempts=3))
            async with gateway(tmp_path, policy, serve=serve) as rig:
                assert [(await ask(rig))[::2] for _ in range(2)] == [(200, completion("hi"))] * 2
                assert await attempts(rig, 2) == [
                    ["up server_error", "up answered"],
                    ["up connection", "up connection", "up answered"],
                ]

    run_on_loop(scene())


def test_a_silent_provider_is_replaced(tmp_path: Path) -> None:
    """The time to the first byte is the target's own."""

    async def scene() -> None:
        async with provider(silent) as slow, provider(saying(FINE)) as fine:
            policy = two(slow.port, fine.port, first_byte_timeout_seconds=0.1)
            async with gateway(tmp_path, policy, serve=serve) as rig:
                assert (await ask(rig))[0] == 200
                assert await attempts(rig, 1) == [["up timeout", "other answered"]]

    run_on_loop(scene())


def test_a_target_that_keeps_failing_is_left_alone(tmp_path: Path) -> None:
    """Its circuit is seen on every page; after the cooldown one request tries it again."""
    breaker = CircuitBreaker(failure_threshold=2, cooldown_seconds=0.4)

    async def scene() -> None:
        async with provider(saying(BUSY, BUSY, FINE)) as up:
            policy = replace(policy_to(up.port), circuit_breaker=breaker)
            async with gateway(tmp_path, policy, serve=serve) as rig:
                rig.show_targets()
                assert [(await ask(rig))[0] for _ in range(2)] == [502, 502]
                opened = time.monotonic()
                status, named, body = await ask(rig)
                assert (status, json.loads(body)["error"]["code"]) == (503, "circuit_open")
                assert named["retry-after"] == "1"
                assert (await shown(rig, "/health"))["up"] == {
                    "provider": "openai-compatible", "available": False, "circuit": "open",
                }  # fmt: skip
                page = (await shown(rig, "/keeptrusts/providers/metrics"))["up"]
                assert (page["circuit"], page["requests"], page["failures_in_a_row"]) == ("open", 2, 2)
                assert page["last_failure"] == "status_503"
                text = fields(await rig.ask(get("/metrics")))[2].decode()
                assert 'keeptrusts_circuit_open{target="up"} 1.0' in text
                assert 'keeptrusts_upstream_attempts_total{outcome="unavailable",target="up"} 1.0' in text
                await asyncio.sleep(max(0.0, opened + 0.41 - time.monotonic()))
                assert (await ask(rig))[0] == 200
                assert (await shown(rig, "/health"))["up"]["circuit"] == "closed"
                assert await attempts(rig, 4) == [
                    ["up server_error"], ["up server_error"], ["up unavailable"], ["up answered"],
                ]  # fmt: skip

    run_on_loop(scene())


def test_a_client_that_leaves_ends_the_waiting(tmp_path: Path) -> None:
    """The record says what was tried, and nothing is tried any more."""

    async def scene() -> None:
        async with provider(saying(BUSY)) as up:
            policy = replace(policy_to(up.port), retry=Retry(2, 60_000, 60_000))
            async with gateway(tmp_path, policy, serve=serve) as rig:
                _, writer = await rig.connect()
                writer.write(post(HELLO))
                while not rig.standings.of("up").failures:  # noqa: ASYNC110 - it is told by no event
                    await asyncio.sleep(0.01)
                writer.close()
                (record,) = await rig.recorded(1)
                assert (record["status"], record["reason_code"]) == (499, "client_gone")
                assert await attempts(rig, 1) == [["up server_error"]]
                assert rig.standings.of("up").in_flight == 0

    run_on_loop(scene())
