"""What is decided by the head of a request, and how much of all requests is held at a time."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from keeptrusts.flow.chat import serve
from keeptrusts.gateway.admission import Access
from keeptrusts.gateway.callers import ClientKey, ClientKeys
from keeptrusts.policy.compiled import IpAllowlist, SizeLimits
from support.flows import HELLO
from support.gateway_parts import (
    CLOSE,
    Rig,
    always,
    answer,
    fields,
    gateway,
    plain,
    policy_to,
    post,
    provider,
    read_request,
    run_on_loop,
)

KEYED = Access(keys=ClientKeys({"sha256:" + hashlib.sha256(b"good").hexdigest(): ClientKey("app")}))
LARGE = SizeLimits(max_body_bytes=4_000_000)


def head(length: int, *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    """A request whose body does not come."""
    lines = [b"POST %b HTTP/1.1" % path, b"host: g", b"content-length: %d" % length, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def answered(rig: Rig, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes back though the body does not come."""
    return fields(await asyncio.wait_for(rig.ask(request), 5))


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (head(1000), 401, "missing_api_key"),
        (head(1000, b"authorization: Bearer bad"), 401, "invalid_api_key"),
        (head(1000, b"authorization: Bearer bad", b"expect: 100-continue"), 401, "invalid_api_key"),
        (head(1000, path=b"/v1/unknown"), 404, "unknown_route"),
        (head(1000, path=b"/v1/models"), 405, "method_not_allowed"),
    ],
)
def test_who_is_refused_sends_no_body(tmp_path: Path, request_head: bytes, status: int, code: str) -> None:
    """The answer comes at the head, and the connection is closed."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), serve=plain, access=KEYED) as rig:
            got, named, body = await answered(rig, request_head)
            assert (got, json.loads(body)["error"]["code"], named["connection"]) == (status, code, "close")
            assert rig.server.held_bytes == 0

    run_on_loop(scene())


def test_an_address_is_refused_at_the_head(tmp_path: Path) -> None:
    """Before its key is looked at."""

    async def scene() -> None:
        policy = replace(policy_to(1), ip_allowlist=IpAllowlist(("10.0.0.0/8",)))
        async with gateway(tmp_path, policy, serve=plain, access=KEYED) as rig:
            status, _, body = await answered(rig, head(1000))
            assert (status, json.loads(body)["error"]["code"]) == (403, "address_not_allowed")

    run_on_loop(scene())


def test_a_known_caller_is_asked_for_the_body(tmp_path: Path) -> None:
    """In pieces, with `100 Continue` when it waits for that."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), serve=plain, access=KEYED) as rig:
            reader, writer = await rig.connect()
            writer.write(head(6, b"authorization: Bearer good", b"expect: 100-continue", CLOSE))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            for piece in (b"abc", b"def"):
                writer.write(piece)
                await asyncio.sleep(0.01)
            status, _, body = fields(await reader.read())
            assert (status, json.loads(body)["body"]) == (200, "abcdef")
            writer.close()
            assert rig.server.held_bytes == 0

    run_on_loop(scene())


def test_only_so_much_is_held(tmp_path: Path) -> None:
    """Of many large bodies at a time, the gateway takes what fits, answers 503 to the rest, and forgets it."""

    async def scene() -> None:
        policy = policy_to(1, size=LARGE)
        async with gateway(tmp_path, policy, serve=plain, max_held_bytes=3_000_000) as rig:
            begun = []
            for _ in range(6):
                reader, writer = await rig.connect()
                writer.write(head(1_000_000, CLOSE) + b"x" * 900_000)
                await writer.drain()
                begun.append((reader, writer))
            refused = [asyncio.ensure_future(reader.read()) for reader, _ in begun]
            done, waiting = await asyncio.wait(refused, timeout=1.0)
            assert {fields(one.result())[0] for one in done} == {503}
            assert len(done) >= 2
            assert rig.server.held_bytes <= 3_000_000
            for (_, writer), one in zip(begun, refused, strict=True):
                if one in waiting:
                    writer.write(b"x" * 100_000)
            assert {fields(got)[0] for got in await asyncio.gather(*waiting)} == {200}
            for _, writer in begun:
                writer.close()
            assert rig.server.held_bytes == 0
            assert fields(await rig.ask(post(b"{}", CLOSE)))[0] == 200

    run_on_loop(scene())


def test_one_alone_may_have_what_it_needs(tmp_path: Path) -> None:
    """A body within `size_limits` is taken, though it is more than may be held of several."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1, size=LARGE), serve=plain, max_held_bytes=100_000) as rig:
            assert fields(await rig.ask(post(b"x" * 1_000_000, CLOSE)))[0] == 200

    run_on_loop(scene())


def test_what_is_unpacked_counts(tmp_path: Path) -> None:
    """Small bodies that grow are refused when there is no room for what they grow to."""

    async def scene() -> None:
        policy = policy_to(1, size=LARGE)
        bomb = post(gzip.compress(b"x" * 3_000_000), b"content-encoding: gzip", CLOSE)
        async with gateway(tmp_path, policy, serve=plain, max_held_bytes=2_000_000) as rig:
            _, holding = await rig.connect()
            holding.write(head(1000) + b"x" * 10)
            await holding.drain()
            await asyncio.sleep(0.05)
            status, named, body = fields(await rig.ask(bomb))
            assert (status, json.loads(body)["error"]["code"], named["retry-after"]) == (503, "overloaded", "1")
            holding.close()

    run_on_loop(scene())


def test_too_many_at_a_time_are_told_at_once(tmp_path: Path) -> None:
    """503 with `Retry-After` while as many as may be are served, also at the head; none of those is disturbed."""

    async def scene() -> None:
        release = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await release.wait()
            writer.write(answer(b"hello"))

        two = Access(max_concurrency=2)
        async with provider(script) as up, gateway(tmp_path, policy_to(up.port), access=two) as rig:
            served = [asyncio.ensure_future(rig.ask(post(HELLO, CLOSE))) for _ in range(2)]
            await asyncio.sleep(0.1)
            for request in (post(HELLO, CLOSE), head(1000)):
                status, named, body = await answered(rig, request)
                assert (status, json.loads(body)["error"]["code"], named["retry-after"]) == (503, "overloaded", "1")
            release.set()
            assert [fields(got)[0] for got in await asyncio.gather(*served)] == [200, 200]

    run_on_loop(scene())


def test_governed_flows_run_behind_it(tmp_path: Path) -> None:
    """A body in pieces is judged once, and leaves one record."""

    async def scene() -> None:
        async with provider(always(answer(b"{}"))) as up, gateway(tmp_path, policy_to(up.port), serve=serve) as rig:
            reader, writer = await rig.connect()
            request = post(HELLO, CLOSE)
            for at in range(0, len(request), 40):
                writer.write(request[at : at + 40])
                await asyncio.sleep(0.005)
            await reader.read()
            assert len(await rig.recorded(1)) == 1
            writer.close()

    run_on_loop(scene())
