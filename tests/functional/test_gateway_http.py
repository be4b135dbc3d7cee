"""The gateway on real sockets, with a scripted provider behind it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from pathlib import Path

import pytest

from keeptrusts.gateway.http1 import Patience
from keeptrusts.policy.compiled import SizeLimits
from support.gateway_parts import (
    CLOSE,
    always,
    answer,
    fields,
    gateway,
    get,
    plain,
    policy_to,
    post,
    provider,
    read_request,
    run_on_loop,
)

HELLO = always(answer(b"hello"))
HASTY = Patience(head=0.2, body=0.2, idle=0.2, write=0.3, linger=0.2)


def test_answer_is_streamed_through(tmp_path: Path) -> None:
    """Pieces go to the client as they come, and the record is there before the end of the answer."""

    async def scene() -> None:
        more = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            await more.wait()
            writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
            await reader.read()

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            reader, writer = await rig.connect()
            writer.write(post(b"{}"))
            assert (await reader.readuntil(b"first\r\n")).endswith(b"5\r\nfirst\r\n")
            more.set()
            assert await reader.readuntil(b"0\r\n\r\n") == b"6\r\nsecond\r\n0\r\n\r\n"
            assert len(await rig.recorded(1)) == 1
            writer.close()

    run_on_loop(scene())


def test_connections_are_reused_on_both_sides(tmp_path: Path) -> None:
    """Fifty requests on one connection use one connection to the provider."""

    async def scene() -> None:
        async with provider(HELLO) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            reader, writer = await rig.connect()
            for _ in range(50):
                writer.write(post(b"{}"))
                assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"5\r\nhello\r\n0\r\n\r\n")
            writer.close()
            assert up.connections == 1
            assert len(await rig.recorded(50)) == 50

    run_on_loop(scene())


def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    """All at once in, one after the other out."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), serve=plain) as rig:
            reader, writer = await rig.connect()
            writer.write(b"".join(post(b"%d" % number) for number in range(20)))
            for number in range(20):
                head = await reader.readuntil(b"\r\n\r\n")
                shown = json.loads(await reader.readexactly(int(fields(head)[1]["content-length"])))
                assert shown["body"] == str(number)
            writer.close()

    run_on_loop(scene())


def test_head_has_no_body_and_unknown_things_are_refused(tmp_path: Path) -> None:
    """HEAD, 404 for what is not governed, 405 for a wrong method, each in the error form."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1)) as rig:
            status, named, body = fields(
                await rig.ask(b"HEAD /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n")
            )
            assert (status, named["content-length"], body) == (200, "3", b"")
            status, _, body = fields(await rig.ask(post(b"{}", CLOSE, path=b"/v1/files")))
            assert (status, json.loads(body)["error"]["code"]) == (404, "unknown_route")
            status, named, body = fields(await rig.ask(get("/v1/chat/completions")))
            assert (status, named["allow"], json.loads(body)["error"]["code"]) == (405, "POST", "method_not_allowed")
            assert fields(await rig.ask(post(b"", CLOSE, path=b"/health")))[0] == 405
            assert fields(await rig.ask(get("http://elsewhere/healthz")))[0] == 200
            assert fields(await rig.ask(b"NONSENSE\r\n\r\n"))[0] == 400

    run_on_loop(scene())


def test_http10_client_gets_no_chunks(tmp_path: Path) -> None:
    """The end of a streamed answer is the end of the connection."""

    async def scene() -> None:
        async with provider(HELLO) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            old = b"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}"
            status, named, body = fields(await rig.ask(old))
            assert (status, body) == (200, b"hello")
            assert "transfer-encoding" not in named

    run_on_loop(scene())


def test_large_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Fifty megabytes announced: 413 at once, though only the head has come; and the client can read it."""

    async def scene() -> None:
        size = SizeLimits(max_body_bytes=1000)
        async with gateway(tmp_path, policy_to(1, size=size), serve=plain) as rig:
            reader, writer = await rig.connect()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 50000000\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
            assert fields(head)[0] == 413
            writer.write(bytes(1_000_000))  # a client that does not look keeps sending and is not reset
            assert json.loads(await reader.read())["oversized"]
            writer.close()
            (record,) = await rig.recorded(1)
            assert record["status"] == 413

    run_on_loop(scene())


def test_client_that_sends_before_it_looks_is_not_held_up(tmp_path: Path) -> None:
    """What it sends ahead is bounded while it is served, and read on after it was refused."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.3)
        writer.write(answer(b"refused"))
        await writer.drain()

    async def scene() -> None:
        size = SizeLimits(max_body_bytes=1000)
        async with provider(script) as up, gateway(tmp_path, policy_to(up.port, size=size)) as rig:
            reader, writer = await rig.connect()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 50000000\r\n\r\n")
            writer.write(bytes(1_000_000))
            assert fields(await reader.readuntil(b"\r\n\r\n"))[0] == 200
            writer.write(bytes(30_000_000))
            await asyncio.wait_for(writer.drain(), 1.5)
            writer.close()

    run_on_loop(scene())


def test_client_that_waits_for_100_is_told(tmp_path: Path) -> None:
    """`Expect: 100-continue` gets its interim answer; a body too large gets the final one instead."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1, size=SizeLimits(max_body_bytes=10)), serve=plain) as rig:
            reader, writer = await rig.connect()
            head = (
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n"
            )
            writer.write(head % 5)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            assert fields(await reader.readuntil(b"\r\n\r\n"))[0] == 200
            writer.close()
            assert fields(await rig.ask(head % 50))[0] == 413

    run_on_loop(scene())


def test_packed_bodies(tmp_path: Path) -> None:
    """`gzip` is unpacked under the limit, other encodings are 415, broken packing is 400."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1, size=SizeLimits(max_body_bytes=1000)), serve=plain) as rig:
            packed = gzip.compress(b"hello")
            status, _, body = fields(await rig.ask(post(packed, CLOSE, b"content-encoding: gzip")))
            shown = json.loads(body)
            assert (status, shown["body"]) == (200, "hello")
            assert "content-encoding" not in shown["headers"]
            bomb = gzip.compress(bytes(100_000))
            assert fields(await rig.ask(post(bomb, CLOSE, b"content-encoding: gzip")))[0] == 413
            status, named, _ = fields(await rig.ask(post(b"x", CLOSE, b"content-encoding: br")))
            assert (status, named["accept-encoding"]) == (415, "gzip, deflate")
            assert fields(await rig.ask(post(b"x", CLOSE, b"content-encoding: gzip")))[0] == 400

    run_on_loop(scene())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST / HT", 408),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: 5\r\n\r\nhe", 408),
        (b"", 0),
    ],
)
def test_patience_has_an_end(tmp_path: Path, sent: bytes, status: int) -> None:
    """A slow head and a slow body are answered and closed, an idle connection is just closed."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), patience=HASTY) as rig:
            got = await rig.ask(sent)
            assert (fields(got)[0] if got else 0) == status

    run_on_loop(scene())


def test_dripping_head_does_not_help(tmp_path: Path) -> None:
    """A byte now and then does not renew the time for the head (slow loris)."""

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), patience=HASTY) as rig:
            reader, writer = await rig.connect()
            started, got = time.monotonic(), b""
            for letter in b"POST / HTTP/1.1\r\nhost: gateway\r\nx: aaaaaaaaaaaaaaaaaaa":
                writer.write(bytes([letter]))
                with contextlib.suppress(TimeoutError):
                    got += await asyncio.wait_for(reader.read(1000), 0.05)
                if got:
                    break
            assert time.monotonic() - started < 1.5
            assert fields(got)[0] == 408
            writer.close()

    run_on_loop(scene())


def test_client_that_leaves_is_recorded_and_the_provider_told(tmp_path: Path) -> None:
    """The flow gets `ClientGoneError`, writes its record, and the connection to the provider is closed."""

    async def scene() -> None:
        hung_up = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            with contextlib.suppress(ConnectionError):
                await reader.read()
            hung_up.set()

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            reader, writer = await rig.connect()
            writer.write(post(b"{}"))
            await reader.readuntil(b"first\r\n")
            writer.close()
            (record,) = await rig.recorded(1)
            assert (record["status"], record["reason_code"]) == (499, "client_gone")
            await asyncio.wait_for(hung_up.wait(), 2)

    run_on_loop(scene())


def test_slow_reader_holds_the_provider_back(tmp_path: Path) -> None:
    """A client that does not read bounds what is taken from the provider; nothing is lost when it reads again."""
    total = 64 * 1024 * 1024

    async def scene() -> None:
        sent = 0

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
            piece = bytes(65536)
            while sent < total:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, limit=65536)
            writer.write(post(b"{}", CLOSE))
            await asyncio.sleep(0.5)
            assert sent < total / 2
            received = 0
            while data := await reader.read(1 << 20):
                received += len(data)
            assert received > total
            writer.close()

    run_on_loop(scene())


def test_reader_that_never_reads_is_given_up(tmp_path: Path) -> None:
    """Its request ends as one whose client left."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 10**9)
            while True:
                writer.write(bytes(65536))
                await writer.drain()

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port), patience=HASTY) as rig:
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, limit=1024)
            writer.write(post(b"{}", CLOSE))
            (record,) = await rig.recorded(1)
            assert record["status"] == 499
            writer.transport.abort()
            del reader

    run_on_loop(scene())
