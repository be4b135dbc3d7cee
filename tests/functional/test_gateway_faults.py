"""What broken, slow and hostile peers do to the gateway on real sockets: a stated answer, nothing left, no hang."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import socket
import struct
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.core.exchange import Target
from keeptrusts.flow.chat import serve
from keeptrusts.gateway.http1 import Patience
from keeptrusts.policy.compiled import CompiledPolicy, Fallback, SizeLimits
from support.flows import HELLO, STREAM, stream
from support.flows import answer as completion
from support.gateway_parts import (
    CLOSE,
    Rig,
    always,
    answer,
    fields,
    gateway,
    policy_to,
    post,
    provider,
    read_request,
    run_on_loop,
)

HASTY = Patience(head=0.3, body=0.3, idle=0.3, write=0.3, linger=0.2)
FINE = always(answer(completion("hi"), b"content-type: application/json"))
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n"


@asynccontextmanager
async def under_fire(directory: Path, policy: CompiledPolicy | None = None, **settings: Any) -> AsyncIterator[Rig]:
    """A gateway that, whatever was done to it, serves the next request and keeps nothing of the others."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(provider(FINE))
        made = gateway(directory, policy or policy_to(up.port), serve=serve, **settings)
        rig = await stack.enter_async_context(made)
        before = len(asyncio.all_tasks())
        yield rig
        status, _, body = fields(await asyncio.wait_for(rig.ask(post(HELLO, CLOSE)), 10))
        if policy is None:
            assert (status, body) == (200, completion("hi"))
        for _ in range(300):
            if not rig.server.connections and len(asyncio.all_tasks()) <= before + 1:
                break
            await asyncio.sleep(0.02)
        assert (len(rig.server.connections), rig.server.held_bytes) == (0, 0)
        assert len(asyncio.all_tasks()) <= before + 1
        assert all(one.in_flight == 0 for one in rig.standings.all().values())


async def told(rig: Rig, request: bytes) -> tuple[int, str | None]:
    """Status and code of the answer; the gateway closes after it."""
    got = await asyncio.wait_for(rig.ask(request), 10)
    status, _, body = fields(got)
    return status, json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}x", 400, "bad_request"),
        (POST + b"content-length: 2, 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"content-length: -2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"content-length: +2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\n\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2;a\rb\r\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\ncontent-length: 5\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"transfer-encoding : chunked\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 501,
         "transfer_encoding"),
        (POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "transfer_encoding"),
        (POST + b"upgrade: a\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"upgrade: a\rcontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x: a\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x: a\rb\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x: a\n y: b\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x: a\r\n folded\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x : a\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"no colon\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"x: a\0b\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (POST + b"host: other\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", 400, "bad_request"),
        (b"CONNECT up:443 HTTP/1.1\r\nhost: up\r\n\r\n", 400, "bad_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_request"),
        (POST + b"x: " + b"a" * 70_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (POST + b"x: 1\r\n" * 20_000, 431, "headers_too_large"),
        (POST + b"content-length: 99999999\r\n\r\n", 413, "body_too_large"),
        (POST + b"content-length: 2\r\ncontent-encoding: br\r\n" + CLOSE + b"\r\n\r\n{}", 415, "unsupported_encoding"),
        (POST + b"content-length: 2\r\ncontent-encoding: gzip, gzip\r\n" + CLOSE + b"\r\n\r\n{}", 415,
         "unsupported_encoding"),
        (POST + b"content-length: 2\r\ncontent-encoding: gzip\r\n" + CLOSE + b"\r\n\r\n{}", 400,
         "bad_content_encoding"),
    ],
)  # fmt: skip
def test_what_two_servers_could_read_differently(tmp_path: Path, request_bytes: bytes, status: int, code: str) -> None:
    """It is refused, the connection closed, and nothing behind it is read."""

    async def scene() -> None:
        async with under_fire(tmp_path) as rig:
            smuggled = post(HELLO, CLOSE)
            assert await told(rig, request_bytes + smuggled) == (status, code)

    run_on_loop(scene())


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", [b"gzip", b"deflate", b"br"])
def test_a_provider_that_packs_its_answer_unasked(tmp_path: Path, name: bytes, streamed: bool) -> None:
    """It was asked not to: what came is not unpacked, and is no answer."""
    whole = stream(["x" * 5_000_000]) if streamed else completion("x" * 5_000_000)
    packed = gzip.compress(whole) if name == b"gzip" else zlib.compress(whole)
    kind = b"text/event-stream" if streamed else b"application/json"

    async def scene() -> None:
        packs = always(answer(packed, b"content-encoding: " + name, b"content-type: " + kind, CLOSE))
        async with provider(packs) as up, under_fire(tmp_path) as rig:
            good = rig.policy
            rig.holder.activate(replace_snapshot(rig, policy_to(up.port)), "test")
            began = time.process_time()
            assert await told(rig, post(STREAM if streamed else HELLO, CLOSE)) == (502, "upstream_garbled")
            assert time.process_time() - began < 0.5
            (record,) = await rig.recorded(1)
            assert record["attempts"][0]["outcome"] == "garbled"
            rig.holder.activate(replace_snapshot(rig, good), "test")

    run_on_loop(scene())


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_bombs_are_not_unpacked(tmp_path: Path, name: str) -> None:
    """Ten kilobytes that would be ten megabytes: unpacked to the limit and no further."""

    async def scene() -> None:
        async with under_fire(tmp_path, policy_to(1, size=SizeLimits(max_body_bytes=100_000))) as rig:
            whole = b"x" * 10_000_000
            packed = gzip.compress(whole) if name == "gzip" else zlib.compress(whole)
            began = time.process_time()
            bomb = post(packed, b"content-encoding: " + name.encode(), CLOSE)
            assert await told(rig, bomb) == (413, "body_too_large")
            assert time.process_time() - began < 0.5

    run_on_loop(scene())


@pytest.mark.parametrize(
    "start",
    [
        b"POST /v1/chat",
        POST,
        POST + b"content-length: 20\r\n\r\n{",
        POST + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["line", "head", "body", "chunk"],
)
def test_who_drips_is_given_up(tmp_path: Path, start: bytes) -> None:
    """A hundred at a time that send next to nothing: each is told 408, and requests are served meanwhile."""

    async def drip(rig: Rig) -> int:
        reader, writer = await rig.connect()
        writer.write(start)
        try:
            return fields(await asyncio.wait_for(reader.read(), 10))[0]
        finally:
            writer.close()

    async def scene() -> None:
        # Time to read the answer, and to say the first word: the clients share this loop, and who is slow is reset.
        async with under_fire(tmp_path, patience=replace(HASTY, linger=10, idle=10)) as rig:
            dripping = [asyncio.ensure_future(drip(rig)) for _ in range(100)]
            assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200
            assert set(await asyncio.gather(*dripping)) == {408}

    run_on_loop(scene())


@pytest.mark.parametrize("kind", ["half closed", "reset", "reset in the body", "gone in the answer"])
def test_who_leaves_is_forgotten(tmp_path: Path, kind: str) -> None:
    """A closed half counts as a client that is gone; a record is left where there was a request."""

    async def scene() -> None:
        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await reader.read()
            del writer

        async with provider(slow) as up, under_fire(tmp_path) as rig:
            rig.holder.activate(replace_snapshot(rig, policy_to(up.port)), "test")
            whole = post(HELLO)
            with socket.create_connection(("127.0.0.1", rig.port)) as client:
                client.sendall(whole[:-5] if kind == "reset in the body" else whole)
                await asyncio.sleep(0.1)
                if kind == "half closed":
                    client.shutdown(socket.SHUT_WR)
                    await asyncio.sleep(0.1)
                    client.setblocking(False)
                    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 10), 5) == b""
                elif kind.startswith("reset"):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if kind != "reset in the body":
                (record,) = await rig.recorded(1)
                assert (record["status"], record["reason_code"]) == (499, "client_gone")
            async with provider(FINE) as good:
                rig.holder.activate(replace_snapshot(rig, policy_to(good.port)), "test")
                assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200

    run_on_loop(scene())


def replace_snapshot(rig: Rig, policy: CompiledPolicy) -> Any:
    assert rig.holder.active is not None
    return replace(rig.holder.active.snapshot, policy=policy)


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    """The target cannot be reached: 502, or the next one."""

    async def scene() -> None:
        async with provider(FINE) as up:
            known = policy_to(up.port)
            lost = replace(known.targets[0], target=Target("lost", "x"), base_url="http://no-such-name.invalid:80")
            for targets, status in ((lost,), 502), ((lost, known.targets[0]), 200):
                policy = replace(known, targets=targets, fallback=Fallback(enabled=True))
                async with gateway(tmp_path / str(status), policy, serve=serve) as rig:
                    got, _, body = fields(await asyncio.wait_for(rig.ask(post(HELLO, CLOSE)), 30))
                    assert got == status
                    if status == 502:
                        assert json.loads(body)["error"]["code"] == "upstream_unreachable"
                    (record,) = await rig.recorded(1)
                    assert record["attempts"][0]["outcome"] == "connection"

    run_on_loop(scene())


def test_two_thousand_idle_connections(tmp_path: Path) -> None:
    """They cost little, hold nobody up, and are closed when their time is over."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))

    async def scene() -> None:
        patience = Patience(idle=6.0)
        async with under_fire(tmp_path, patience=patience) as rig:
            idle = [await rig.connect() for _ in range(2000)]
            began = time.monotonic()
            for _ in range(20):
                assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200
            assert time.monotonic() - began < 3.0
            assert len(rig.server.connections) >= 2000
            ended = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in idle)), 30)
            assert set(ended) == {b""}
            for _, writer in idle:
                writer.close()

    try:
        run_on_loop(scene())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
