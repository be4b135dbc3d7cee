"""The plugin server driven by grpcio, which is what most other providers are made with, and by garbage."""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from keeptrusts.terraform.plugin import http2
from keeptrusts.terraform.plugin.server import SHUTDOWN, SILENT, UnknownMethodError
from keeptrusts.terraform.plugin.values import WireError
from support.terraform_plugin import Running, running

ECHO = "/test.Service/Echo"
QUICK = "/test.Service/Quick"
SLOW = "/test.Service/Slow"
TIMEOUT_S = 30
SIZES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def handle(path: str, body: bytes) -> bytes:
    """What the tests serve."""
    match path:
        case "/test.Service/Echo" | "/test.Service/Quick":
            return body[::-1]
        case "/test.Service/Slow":
            time.sleep(0.3)
            return body
        case "/test.Service/Garbled":
            raise WireError("it is no message")
        case "/test.Service/Broken":
            raise RuntimeError("planted-secret")
        case _:
            raise UnknownMethodError(path)


@contextmanager
def channel(served: Running) -> Iterator[grpc.Channel]:
    """A client of grpcio."""
    with grpc.insecure_channel(f"unix:{served.path}", options=SIZES) as opened:
        yield opened


def call(opened: grpc.Channel, path: str, body: bytes) -> bytes:
    answer: bytes = opened.unary_unary(path)(body, timeout=TIMEOUT_S, wait_for_ready=True)
    return answer


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Running]:
    """One without TLS: grpcio's own cannot show the certificate that go-plugin has."""
    with running(tmp_path, handle, quick={QUICK}) as server:
        yield server


def test_many_threads_at_a_time(served: Running) -> None:
    """Six hundred calls of forty threads, of all sizes up to three million bytes, each have their own answer."""
    dice = random.Random(7)
    bodies = [dice.randbytes(dice.choice([0, 1, 5, 100, 16379, 16384, 65530, 70000])) for _ in range(594)]
    bodies += [dice.randbytes(3_000_000) for _ in range(6)]
    with channel(served) as opened, ThreadPoolExecutor(40) as pool:
        paths = [ECHO, QUICK]
        answers = list(pool.map(lambda at: call(opened, paths[at % 2], bodies[at]), range(len(bodies))))
    assert answers == [body[::-1] for body in bodies]


def test_calls_wait_side_by_side(served: Running) -> None:
    """As many calls as Terraform's parallelism allows are answered at a time; there is no fixed number of workers."""
    with channel(served) as opened, ThreadPoolExecutor(40) as pool:
        call(opened, ECHO, b"")
        start = time.monotonic()
        assert list(pool.map(lambda at: call(opened, SLOW, bytes(at)), range(40))) == [bytes(at) for at in range(40)]
        assert time.monotonic() - start < 40 * 0.3 / 3


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/test.Service/None", grpc.StatusCode.UNIMPLEMENTED),
        ("/other.Service/Echo", grpc.StatusCode.UNIMPLEMENTED),
        ("/test.Service/Garbled", grpc.StatusCode.INVALID_ARGUMENT),
        ("/test.Service/Broken", grpc.StatusCode.INTERNAL),
    ],
)
def test_what_cannot_be_answered(served: Running, path: str, code: grpc.StatusCode) -> None:
    """Each failure is a status; the connection lives, and no value that the failure held is told or logged."""
    with channel(served) as opened:
        with pytest.raises(grpc.RpcError) as caught:
            call(opened, path, b"x")
        assert caught.value.code() is code
        assert call(opened, ECHO, b"ab") == b"ba"
    said = f"{caught.value.details()} {served.logged}"
    assert "planted-secret" not in said
    assert ("RuntimeError in /test.Service/Broken: handle:" in said) == (code is grpc.StatusCode.INTERNAL)


def test_silent_streams_are_kept_open(served: Running) -> None:
    """go-plugin's own streams are accepted, and hold up nothing."""
    with channel(served) as opened:
        streams = [opened.stream_stream(path)(iter(())) for path in sorted(SILENT)]
        assert call(opened, ECHO, b"ab") == b"ba"
        assert all(stream.is_active() for stream in streams)
        for stream in streams:
            stream.cancel()


def test_a_shutdown_is_answered_and_obeyed(served: Running) -> None:
    """Terraform says goodbye, has its answer, and the server ends although the connection is open."""
    with channel(served) as opened:
        assert call(opened, ECHO, b"ab") == b"ba"
        assert call(opened, SHUTDOWN, b"") == b""
        assert served.ended()


def test_it_leaves_with_the_last_connection(served: Running) -> None:
    """A Terraform that was killed takes its provider along."""
    one, two = served.connect(), served.connect()
    for connected in (one, two):
        connected.sendall(http2.PREFACE)
        assert connected.recv(9)
    one.close()
    assert not served.ended(0.2)
    two.close()
    assert served.ended(5)


def test_whoever_speaks_no_http2_changes_nothing(served: Running) -> None:
    """A connection that never greeted is not the one that was waited for."""
    for bytes_ in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100):
        connected = served.connect()
        connected.sendall(bytes_)
        connected.shutdown(socket.SHUT_WR)
        assert connected.recv(65536) in {b"", bytes(_greeting())}
        connected.close()
    assert not served.ended(0.1)
    with channel(served) as opened:
        assert call(opened, ECHO, b"ab") == b"ba"


def _greeting() -> bytearray:
    return http2.Connection(lambda *_: None).outgoing


def test_garbage_beside_a_call(served: Running) -> None:
    """Three hundred connections of fuzzed frames crash nothing and hang nothing."""
    dice = random.Random(11)
    with channel(served) as opened:
        assert call(opened, ECHO, b"ab") == b"ba"
        for _ in range(300):
            connected = served.connect()
            frames = [
                http2.frame(
                    dice.randrange(11), dice.randrange(256), dice.randrange(6), dice.randbytes(dice.randrange(60))
                )
                for _ in range(dice.randrange(12))
            ]
            _pour(connected, (http2.PREFACE if dice.random() < 0.9 else b"") + b"".join(frames))
            connected.close()
        assert call(opened, ECHO, b"cd") == b"dc"
    assert {line.partition(":")[0] for line in served.logged} <= {"a connection was refused"}


def _pour(connected: socket.socket, raw: bytes) -> None:
    try:
        connected.sendall(raw)
        if select.select([connected], [], [], 0.002)[0]:
            connected.recv(65536)
    except OSError:
        return


def test_a_peer_that_does_not_read(served: Running) -> None:
    """An answer that the peer's socket does not take is kept until it does, and holds up nobody."""
    connected = served.connect()
    wide = (1 << 30).to_bytes(4, "big")
    body = bytes(4_000_000)
    head = b"\x00\x05:path" + len(ECHO).to_bytes(1, "big") + ECHO.encode()
    message = b"\0" + len(body).to_bytes(4, "big") + body
    parts = [message[at : at + 16384] for at in range(0, len(message), 16384)]
    connected.sendall(
        http2.PREFACE
        + http2.frame(http2.SETTINGS, 0, 0, http2.INITIAL_WINDOW_SIZE.to_bytes(2, "big") + wide)
        + http2.frame(http2.WINDOW_UPDATE, 0, 0, wide)
        + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, head)
        + b"".join(http2.frame(http2.DATA, 0, 1, part) for part in parts)
        + http2.frame(http2.DATA, http2.END_STREAM, 1)
    )
    with channel(served) as opened:
        assert call(opened, ECHO, b"ab") == b"ba"
    received = 0
    while received < len(body):
        received += len(connected.recv(1 << 20))
    connected.close()


def test_nobody_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started it and does not connect is gone: it leaves, and says so."""
    monkeypatch.setattr("keeptrusts.terraform.plugin.server.FIRST_CALL_MS", 50)
    with running(tmp_path, handle) as served:
        assert served.ended(5)
    assert served.logged == ["nobody connected; leaving"]


def test_threads_do_not_pile_up(served: Running) -> None:
    """Calls one after the other are answered by one worker."""
    with channel(served) as opened:
        for at in range(50):
            assert call(opened, ECHO, bytes(at)) == bytes(at)
        before = threading.active_count()
        for at in range(50):
            assert call(opened, ECHO, bytes(at)) == bytes(at)
        assert threading.active_count() <= before


def test_what_needs_no_waiting_is_answered_at_once(tmp_path: Path) -> None:
    """By the thread that reads, refusals included; a call for which there is no answer yet goes to a worker."""
    threads: dict[bytes, int] = {}

    def note(_path: str, body: bytes) -> bytes:
        threads[body] = threading.get_ident()
        return body

    def prompt(path: str, body: bytes) -> bytes | None:
        if body == b"bad":
            raise WireError("it is no message")
        return note(path, body) if body.startswith(b"now") else None

    with running(tmp_path, note, prompt=prompt) as served, channel(served) as opened:
        for body in (b"now", b"later", b"now too"):
            assert call(opened, ECHO, body) == body
        with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
            call(opened, ECHO, b"bad")
    assert threads[b"now"] == threads[b"now too"] != threads[b"later"]
