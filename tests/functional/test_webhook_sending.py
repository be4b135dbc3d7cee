"""One attempt over real sockets: what is sent, what is refused, and that the other side cannot hold it up."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keeptrusts.control.outbound import OutboundRules
from keeptrusts.control.sending import Answer, Sender
from support.webhooks import Receiver, Reply, receiver

INSECURE = OutboundRules(insecure=True)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server that behaves as it is told; its port."""
    serving: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        # The callback of `start_server` reports a cancelled task as a fault of its own (Python 3.11).
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        with suppress(Exception):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def _post(url: str, rules: OutboundRules = INSECURE, *, timeout_s: float = 2.0, body: bytes = b"{}") -> Answer:
    async def go() -> Answer:
        async with Sender(rules, timeout_s=timeout_s) as sender:
            return await sender.post(url, {"content-length": str(len(body)), "x-a": "b"}, body)

    return asyncio.run(go())


def _against(serve: Serve, *, timeout_s: float = 2.0) -> Answer:
    async def go() -> Answer:
        async with listening(serve) as port, Sender(INSECURE, timeout_s=timeout_s) as sender:
            return await sender.post(f"http://127.0.0.1:{port}/", {"content-length": "2"}, b"{}")

    return asyncio.run(go())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost",
        "[::ffff:127.0.0.1]", "[::]",
    ],
)  # fmt: skip
def test_a_listener_on_this_machine_is_never_reached(host: str) -> None:
    """However it is spelled, over http or https: no connection arrives at the open port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        for scheme in ("https", "http"):
            answer = _post(f"{scheme}://{host}:{port}/", OutboundRules())
            assert (answer.status, answer.delivered) == (None, False)
            with pytest.raises(BlockingIOError):
                listener.accept()


def test_what_arrives() -> None:
    """One POST with a host, our headers, the body; and nothing of the environment's proxies."""
    with receiver() as target:
        assert _post(target.url + "?a=b") == Answer(204)
        (letter,) = target.letters
        assert (letter.path, letter.body) == ("/hook?a=b", b"{}")
        assert letter.headers == {
            "host": target.url.split("/")[2],
            "content-length": "2",
            "x-a": "b",
        }


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though all the variables name one."""
    with receiver() as target:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1/")
        assert _post(target.url) == Answer(204)


def test_a_redirect_is_an_answer() -> None:
    """It is not followed: the second address sees nothing."""
    with receiver() as inside, receiver() as target:
        target.replies = [Reply(307, (("Location", inside.url),))]
        assert _post(target.url) == Answer(307, "the endpoint answered 307")
        assert inside.letters == []


def test_an_endpoint_that_never_answers() -> None:
    """Given up on when the time is over, whatever it does with the connection."""

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(50):
            writer.write(b"x")
            await asyncio.sleep(0.1)
        writer.close()

    for serve in (silent, drips):
        start = time.monotonic()
        answer = _against(serve, timeout_s=0.4)
        assert time.monotonic() - start < 2
        assert answer == Answer(None, "no complete answer within 0.4 s")


def test_an_endless_answer() -> None:
    """Read no further than its bound; its status counts."""
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 500_000_000:
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
                sent += 0x10000
        except ConnectionError:
            pass
        writer.close()

    assert _against(floods) == Answer(200)
    assert sent < 50_000_000


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 500_000 + b"\r\n\r\n", "is not HTTP"),
    ],
)
def test_what_is_not_http(said: bytes, error: str) -> None:
    """A failure in our own words; nothing of what it said is repeated."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    answer = _against(says)
    assert answer.status is None
    assert error in str(answer.error)
    assert "SSH" not in str(answer.error)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\n\r\nas long as it lasts",
        b"HTTP/1.0 202 Accepted\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
def test_ways_to_say_yes(said: bytes) -> None:
    """After something that is said before the answer, until the connection ends, in pieces."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        for number in range(len(said)):
            writer.write(said[number : number + 1])
            await asyncio.sleep(0)
        writer.close()

    assert _against(says) == Answer(202)


def test_more_answers_than_requests() -> None:
    """The second is no answer to what is sent next: that goes over a new connection."""
    opened = 0

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        await reader.readuntil(b"\r\n\r\n{}")
        said = b"HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n" * (2 if opened == 1 else 0)
        writer.write(said or b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def go() -> list[int | None]:
        async with listening(says) as port, Sender(INSECURE) as sender:
            url = f"http://127.0.0.1:{port}/"
            return [(await sender.post(url, {"content-length": "2"}, b"{}")).status for _ in range(2)]

    assert asyncio.run(go()) == [500, 200]
    assert opened == 2


@pytest.mark.parametrize(("name", "value"), [("x-a", "b\r\nx-b: c"), ("x-a", "\x00"), ("x a", "b"), ("", "b")])
def test_a_header_that_would_be_another(name: str, value: str) -> None:
    """Nothing is sent."""
    with receiver() as target:

        async def go() -> Answer:
            async with Sender(INSECURE) as sender:
                return await sender.post(target.url, {name: value}, b"{}")

        assert asyncio.run(go()) == Answer(None, "a header of the webhook cannot be sent; see `headers`")
        assert target.letters == []


def test_nobody_listens() -> None:
    """Said in our own words, without the address: a webhook's address can be a secret."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        answer = _post(f"http://127.0.0.1:{held.getsockname()[1]}/T0/secret-path")
    assert answer == Answer(None, "no connection could be made to the endpoint")


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([
                x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_nobody_vouches_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refused before a byte of the message is sent; a port that speaks no TLS likewise."""
    heard: list[bytes] = []

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def go(tls: ssl.SSLContext | None) -> Answer:
        async with listening(listens, tls) as port, Sender(INSECURE) as sender:
            return await sender.post(f"https://127.0.0.1:{port}/", {"content-length": "6"}, b"secret")

    with caplog.at_level(logging.CRITICAL, logger="asyncio"):
        assert (
            asyncio.run(go(_certificate(tmp_path))).error == "the endpoint's TLS certificate is not valid for its name"
        )
        assert asyncio.run(go(None)).error == "the endpoint does not speak TLS"
    assert not any(b"secret" in one for one in heard)


def test_a_certificate_that_is_vouched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the URL is the one that is asked for and checked, though an address is dialled."""
    asked: list[str | None] = []
    served = _certificate(tmp_path)
    served.sni_callback = lambda _socket, name, _context: asked.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def go() -> Answer:
        async with listening(answers, served) as port, Sender(INSECURE) as sender:
            return await sender.post(f"https://localhost:{port}/", {"content-length": "2"}, b"{}")

    assert asyncio.run(go()) == Answer(200)
    assert asked == ["localhost"]


def test_a_connection_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three messages in a row need one connection."""
    opened = 0

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n{}")
            except asyncio.IncompleteReadError:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def go() -> list[Answer]:
        async with listening(answers) as port, Sender(INSECURE) as sender:
            return [await sender.post(f"http://127.0.0.1:{port}/", {"content-length": "2"}, b"{}") for _ in range(3)]

    assert asyncio.run(go()) == [Answer(200)] * 3
    assert opened == 1


def test_a_receiver_that_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """Between two messages it closed the connection: the second is sent over a new one."""
    with receiver() as target:
        found: Receiver = target

        async def go() -> list[int | None]:
            async with Sender(INSECURE) as sender:
                first = await sender.post(found.url, {"content-length": "2"}, b"{}")
                found.replies = [Reply(200, (("Connection", "close"),))]
                second = await sender.post(found.url, {"content-length": "2"}, b"{}")
                third = await sender.post(found.url, {"content-length": "2"}, b"{}")
                return [first.status, second.status, third.status]

        assert asyncio.run(go()) == [204, 200, 204]
