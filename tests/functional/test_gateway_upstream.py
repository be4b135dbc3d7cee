"""The provider's side: what it may do to us, and what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from keeptrusts.core.errors import (
    KeeptrustsError,
    UpstreamGarbledError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from keeptrusts.flow.effects import Headers
from keeptrusts.gateway.proxies import Proxy
from keeptrusts.gateway.upstream import Origin, Pool, Timeouts, request_bytes
from keeptrusts.policy.compiled import SizeLimits
from support.certificates import certificate
from support.gateway_parts import (
    CLOSE,
    Script,
    always,
    answer,
    fields,
    gateway,
    policy_to,
    post,
    provider,
    read_request,
)
from support.gateway_parts import run_on_loop as run

HASTY = Timeouts(connect=0.5, first_byte=0.3, total=0.6)
REQUEST = request_bytes("POST", "/x", (("host", "up"),), b"{}")


@asynccontextmanager
async def pool(context: ssl.SSLContext | None = None) -> AsyncIterator[Pool]:
    made = Pool(context)
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0.05)  # what was closed reaches the other end


async def exchange(made: Pool, origin: Origin, timeouts: Timeouts = HASTY) -> tuple[int, Headers, bytes]:
    connection, head, deadline = await made.exchange(origin, REQUEST, timeouts)
    body = b""
    try:
        while data := await connection.read(deadline):
            body += data
    finally:
        made.give_back(origin, connection)
    return head.status, head.headers, body


def says(sent: bytes, wait: float = 0.0, then: bytes = b"") -> Script:
    """Say something after the request, perhaps more later, and hang up."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(wait)
        writer.write(then)

    return script


async def outcome(script: Script) -> tuple[int, Headers, bytes] | type[KeeptrustsError]:
    async with provider(script) as up, pool() as made:
        try:
            return await exchange(made, Origin("127.0.0.1", up.port, tls=False))
        except KeeptrustsError as failed:
            return type(failed)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        (says(b""), UpstreamLostError),
        (says(HEAD), UpstreamLostError),
        (says(HEAD + b"content-length: 5\r\n\r\nhel"), UpstreamLostError),
        (says(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"), UpstreamLostError),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), UpstreamGarbledError),
        (says(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\na"), UpstreamGarbledError),
        (says(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"), UpstreamGarbledError),
        (says(HEAD + b"x: " + b"a" * 70_000), UpstreamGarbledError),
        (says(b"", 1.0), UpstreamTimeoutError),
        (says(HEAD + b"content-length: 5\r\n\r\nhel", 1.0), UpstreamTimeoutError),
        (says(answer(b"hello")), (200, (("content-length", "5"),), b"hello")),
        (says(HEAD + b"\r\nuntil the end"), (200, (), b"until the end")),
        (
            says(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + answer(b"hi")),
            (200, (("content-length", "2"),), b"hi"),
        ),
        (says(b"HTTP/1.1 204 No Content\r\n\r\n"), (204, (), b"")),
        (says(HEAD + b"content-length: 5\r\n\r\nhel", 0.1, b"lo"), (200, (("content-length", "5"),), b"hello")),
    ],
)
def test_every_end_has_its_error(script: Script, wanted: object) -> None:
    """Hanging up, garbage, silence and good answers are told apart."""
    assert run(outcome(script)) == wanted


def test_no_connection_is_unreachable() -> None:
    """A closed port and a name that does not exist; the address is in the message, nothing else."""

    async def scene() -> None:
        async with provider(says(b"")) as up:
            port = up.port
        async with pool() as made:
            with pytest.raises(UpstreamUnreachableError, match=r"no connection to `127\.0\.0\.1`"):
                await exchange(made, Origin("127.0.0.1", port, tls=False))
            with pytest.raises(UpstreamUnreachableError, match=r"no connection to `no\.such\.invalid`"):
                await exchange(made, Origin("no.such.invalid", 80, tls=False))

    run(scene())


def test_stale_connection_is_replaced_once() -> None:
    """A connection that the provider closed while it was idle costs no request; one that fails anew does."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer(b"hello"))
            await read_request(reader)  # the second request on a connection is met with a closed one

        async with provider(script) as up, pool() as made:
            origin = Origin("127.0.0.1", up.port, tls=False)
            for _ in range(4):
                assert (await exchange(made, origin))[2] == b"hello"
            assert up.connections == 4

    run(scene())


def test_answer_cut_after_its_first_byte_is_not_asked_for_again() -> None:
    """Once something of an answer has come, the request may have been carried out."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer(b"hello"))
            await read_request(reader)
            writer.write(b"HTTP/1.1 2")

        async with provider(script) as up, pool() as made:
            origin = Origin("127.0.0.1", up.port, tls=False)
            await exchange(made, origin)
            with pytest.raises(UpstreamLostError):
                await exchange(made, origin)
            assert up.connections == 1

    run(scene())


def test_unread_and_unasked_answers_do_not_leak() -> None:
    """A connection with bytes left over is never used for another request."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer(b"mine") + answer(b"of another"))
            await read_request(reader)
            writer.write(answer(b"late"))

        async with provider(script) as up, pool() as made:
            origin = Origin("127.0.0.1", up.port, tls=False)
            assert [(await exchange(made, origin))[2] for _ in range(3)] == [b"mine"] * 3
            connection, _, _ = await made.exchange(origin, REQUEST, HASTY)
            made.give_back(origin, connection)  # not read to its end
            assert (await exchange(made, origin))[2] == b"mine"

    run(scene())


def test_answer_past_the_limit_is_cut(tmp_path: Path) -> None:
    """`size_limits.max_response_bytes` ends an answer; the client of a stream sees it broken off."""

    async def scene() -> None:
        limit = SizeLimits(max_response_bytes=100_000)
        large = provider(always(answer(bytes(1_000_000))))
        async with large as up, gateway(tmp_path, policy_to(up.port, size=limit)) as rig:
            got = await rig.ask(post(b"{}", CLOSE))
            assert len(got) < 700_000
            assert not got.endswith(b"0\r\n\r\n")
            (record,) = await rig.recorded(1)
            assert record["reason_code"] == "response_too_large"

    run(scene())


def test_provider_that_dies_gives_502_before_and_a_cut_after_the_first_byte(tmp_path: Path) -> None:
    """What the client sees when the provider is lost, and what is recorded."""

    async def scene() -> None:
        async with provider(says(b"")) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            assert fields(await rig.ask(post(b"{}", CLOSE)))[0] == 502
        cut = says(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        async with provider(cut) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            got = await rig.ask(post(b"{}", CLOSE))
            assert got.endswith(b"5\r\nhello\r\n")
            records = await rig.recorded(2)
            assert [record["reason_code"] for record in records] == ["upstream_lost", "upstream_lost"]

    run(scene())


@asynccontextmanager
async def tls_provider(directory: Path, name: str) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A provider with TLS, and a context that trusts it."""
    chain, key = certificate(directory, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await always(answer(b"secret"))(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], ssl.create_default_context(cafile=str(chain))
    finally:
        server.close()


def test_tls_is_verified(tmp_path: Path) -> None:
    """An unknown authority and a wrong name are refused; a trusted one is used."""

    async def scene() -> None:
        async with tls_provider(tmp_path, "localhost") as (port, trusting):
            async with pool(trusting) as made:
                for _ in range(2):
                    assert (await exchange(made, Origin("localhost", port, tls=True)))[2] == b"secret"
                with pytest.raises(UpstreamUnreachableError, match="no trusted TLS connection"):
                    await exchange(made, Origin("127.0.0.1", port, tls=True))
            async with pool() as made:
                with pytest.raises(UpstreamUnreachableError, match="no trusted TLS connection"):
                    await exchange(made, Origin("localhost", port, tls=True))

    run(scene())


def proxying(
    target: int, seen: list[bytes], answered: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> Script:
    """A proxy that connects to one port, whatever it is asked for."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answered)
        if b" 200 " in answered:
            onward = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(copy(reader, onward[1]), copy(onward[0], writer))

    return script


def test_proxy_carries_tls_it_cannot_read(tmp_path: Path) -> None:
    """CONNECT with the proxy's credential; TLS is verified with the provider, end to end."""

    async def scene() -> None:
        seen: list[bytes] = []
        async with AsyncExitStack() as stack:
            port, trusting = await stack.enter_async_context(tls_provider(tmp_path, "localhost"))
            proxy = await stack.enter_async_context(provider(proxying(port, seen)))
            made = await stack.enter_async_context(pool(trusting))
            way = Proxy("127.0.0.1", proxy.port, "Basic dXNlcg==")
            assert (await exchange(made, Origin("localhost", port, tls=True, proxy=way)))[2] == b"secret"
        assert seen[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
        assert b"proxy-authorization: Basic dXNlcg==\r\n" in seen[0]

    run(scene())


@pytest.mark.parametrize("answered", [b"HTTP/1.1 407 Auth\r\n\r\n", b"nonsense\r\n\r\n", b"x" * 20_000, b""])
def test_proxy_that_refuses_is_unreachable(answered: bytes) -> None:
    """Whatever it says instead of 200, nothing is sent through it."""

    async def scene() -> None:
        async with provider(proxying(0, [], answered)) as proxy, pool() as made:
            way = Proxy("127.0.0.1", proxy.port)
            with pytest.raises(UpstreamUnreachableError):
                await exchange(made, Origin("api.example.com", 443, tls=True, proxy=way))

    run(scene())


def test_a_provider_that_hangs_up_at_once_is_lost() -> None:
    """Whenever the reset comes, before the request is written or after, it is the same failure."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            resetting = asyncio.create_task(_reset_all(listening))
            async with pool() as made:
                origin = Origin("127.0.0.1", listening.getsockname()[1], tls=False)
                for _ in range(200):
                    with pytest.raises((UpstreamLostError, UpstreamUnreachableError)):
                        await exchange(made, origin, Timeouts())
            resetting.cancel()

    run(scenario())


async def _reset_all(listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        accepted, _ = await loop.sock_accept(listening)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
