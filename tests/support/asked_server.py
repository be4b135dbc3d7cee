"""The server that a case's kind asks: it answers what the case says, over real HTTP, or fails as it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.policy_cases import body_of, reply_to


@dataclass
class AskedServer:
    """`replies` are those of the case that runs; `bodies` what it was asked."""

    url: str = ""
    replies: Sequence[Mapping[str, Any]] = ()
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def prepare(self, replies: Sequence[Mapping[str, Any]]) -> None:
        self.replies = list(replies)
        self.bodies.clear()
        self.headers.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: AskedServer

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        told = self.told
        told.headers.append({name.lower(): value for name, value in self.headers.items()})
        told.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
        reply = reply_to(told.replies, self.path, len(told.bodies) - 1)
        match reply.get("fails"):
            case "timeout":
                told.released.wait(5)
            case "lost":
                self.close_connection = True
            case _:
                self._answer(reply.get("status", 200), reply.get("type", "application/json"), body_of(reply))

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The gateway hung up: that is what some cases are about."""


@contextmanager
def asked_server() -> Iterator[AskedServer]:
    """One on a free port of loopback."""
    made = AskedServer()
    handler = type("Handler", (_Handler,), {"told": made})
    server = _Server(("127.0.0.1", 0), handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
