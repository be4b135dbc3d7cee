"""The client over real connections: what urllib3 and a socket make of it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keeptrusts.client import Client
from keeptrusts.core.errors import ApiError, ApiUnreachableError, KeeptrustsError

TOKEN = "kt_key_0123_verysecret"
Handle = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(handle: Handle) -> Iterator[str]:
    """Answer every request with this, over HTTP/1.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            handle(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            handle(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def ask(url: str, **settings: float) -> Client:
    return Client(url, TOKEN, max_retries=0, timeout_seconds=settings.get("timeout_seconds", 10))


def test_the_credential_goes_with_every_request() -> None:
    """As a bearer token, with the version of who asks; over one connection."""
    seen: list[tuple[str | None, str | None, object]] = []

    def handle(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.headers["authorization"], handler.headers["user-agent"], handler.client_address))
        answer(handler, 200, b"{}")

    with serving(handle) as url, ask(url) as client:
        client.whoami()
        client.whoami()
    assert [(one, agent.partition("/")[0] if agent else "") for one, agent, _ in seen] == [
        (f"Bearer {TOKEN}", "keeptrusts-python")
    ] * 2
    assert len({address for *_, address in seen}) == 1


def test_a_redirect_is_not_followed() -> None:
    """The credential goes to the address it was given for, and to no other."""
    visited: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        visited.append(handler.path)
        answer(handler, 200, b"{}")

    with (
        serving(elsewhere) as other,
        serving(lambda handler: answer(handler, 307, b"", location=other)) as url,
        ask(url) as client,
        pytest.raises(ApiError) as caught,
    ):
        client.whoami()
    assert (caught.value.status, visited) == (307, [])


def test_an_answer_that_is_cut_is_not_taken_for_whole() -> None:
    """Fewer bytes than were announced are a lost connection."""

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"id":')
        handler.close_connection = True

    with serving(cut) as url, ask(url) as client, pytest.raises(ApiUnreachableError, match="lost"):
        client.whoami()


def test_silence_has_an_end() -> None:
    """A server that says nothing is given up after the time that was set."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = ask(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_seconds=0.2)
        with client, pytest.raises(ApiUnreachableError, match="took too long"):
            client.whoami()


def test_nobody_there() -> None:
    """A port that is closed and a name that is none are told apart."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with ask(f"http://127.0.0.1:{port}") as client, pytest.raises(ApiUnreachableError, match="no connection"):
        client.whoami()
    with ask("http://kt.invalid") as client, pytest.raises(ApiUnreachableError):
        client.whoami()


def test_a_server_without_tls_is_not_blamed_for_its_certificate() -> None:
    """Whoever wrote `https` where there is none is told so."""
    fails = pytest.raises(ApiUnreachableError, match="TLS with it fails")
    with serving(lambda handler: handler.send_error(404)) as url, ask(url.replace("http", "https")) as client, fails:
        client.whoami()


def test_the_key_is_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, with every logger at its most talkative."""
    caplog.set_level(logging.DEBUG)
    bodies = [b'{"detail": "no", "code": "x", "status": 401}', b"<html>", b""]
    said: list[str] = []
    with serving(lambda handler: answer(handler, 401, bodies[len(said)])) as url, ask(url) as client:
        for _ in bodies:
            with pytest.raises(KeeptrustsError) as caught:
                client.whoami()
            said.append(f"{caught.value} {caught.value!r} {caught.value.__dict__}")
    assert "GET /v1/whoami" in caplog.text
    assert "verysecret" not in caplog.text + "".join(said)


def test_events_come_as_they_are_sent() -> None:
    """The first event is there while the server still holds the connection open."""
    release = threading.Event()

    def stream(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for frame in (b": from 1\n\n", b'id: 2\ndata: {"id":"evt_2"}\n\n'):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(frame), frame))
        handler.wfile.flush()
        release.wait(10)
        handler.wfile.write(b"0\r\n\r\n")

    with serving(stream) as url, ask(url) as client:
        events = client.events.stream()
        assert next(events)["id"] == "evt_2"
        assert not release.is_set()
        release.set()
        events.close()  # type: ignore[attr-defined] # it is a generator


def test_a_download_is_streamed() -> None:
    """An archive arrives in pieces, and its size is that of the archive."""
    body = bytes(range(256)) * 4096
    pieces: list[bytes] = []
    with serving(lambda handler: answer(handler, 200, body)) as url, ask(url) as client:
        got = client.exports.download("exp_1", pieces.append)
    assert b"".join(pieces) == body
    assert got.size_bytes == len(body)
    assert len(pieces) > 1
