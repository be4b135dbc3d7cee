"""A receiver of webhooks that fails and hangs at will, and a courier whose clock a test moves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from keeptrusts.control.delivering import Courier
from keeptrusts.control.sending import Sender
from keeptrusts.store.transaction import Tx, utc_now
from support.control import Plane


@dataclass(frozen=True, slots=True)
class Letter:
    """What arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> None:
        """By the public library; raises when it is not genuine."""
        Webhook(secret).verify(self.body, self.headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """How the receiver answers."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(slots=True)
class Receiver:
    """
    Listens on loopback.

    Args:
        replies: What the next requests get; when there is none, 204.
        hang: While set, requests wait until `release` is.
    """

    url: str = ""
    letters: list[Letter] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    always: Reply | None = None
    hang: bool = False
    release: threading.Event = field(default_factory=threading.Event)

    def take(self, letter: Letter) -> Reply:
        self.letters.append(letter)
        if self.hang:
            self.release.wait(30)
        if self.replies:
            return self.replies.pop(0)
        return self.always or Reply()

    @property
    def ids(self) -> list[str]:
        return [letter.id for letter in self.letters]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One on a free port."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = found.take(Letter(self.path, headers, body))
            self.send_response(reply.status)
            for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def do_GET(self) -> None:
            found.take(Letter(self.path, {}, b"GET"))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """The other side hung up: that is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """The database's time, moved on by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self, tx: Tx) -> datetime:
        return tx.database_now() + self.ahead

    def pass_time(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass(frozen=True, slots=True)
class Post:
    """Couriers of a control plane that does nothing by itself."""

    plane: Plane
    clock: Clock
    timeout_s: float = 15.0

    def courier(self, *, chance: float = 0.5, lease_s: float = 45.0) -> Courier:
        """A worker of its own; without jitter, unless `chance` is another."""
        services = self.plane.services
        sender = Sender(services.outbound, timeout_s=self.timeout_s)
        lease = timedelta(seconds=lease_s)
        return Courier(services, clock=self.clock, chance=lambda: chance, sender=sender, lease_for=lease)

    def settle(self, couriers: int = 1) -> None:
        """Let this many couriers do everything that is due now."""
        asyncio.run(self._settle([self.courier() for _ in range(couriers)]))

    async def _settle(self, couriers: list[Courier]) -> None:
        async def one(courier: Courier) -> None:
            async with courier:
                await courier.settle()

        await asyncio.gather(*map(one, couriers))

    def publish(self, event_type: str, count: int = 1, org: str | None = None) -> None:
        """Put messages into the outbox, numbered from 0."""
        with self.plane.services.store.write() as tx:
            told = [(event_type, {"id": f"evt_{number}", "number": number}) for number in range(count)]
            tx.publish_all(org or self.plane.org, told)

    def register(self, url: str, *event_types: str, **fields: Any) -> dict[str, Any]:
        """A webhook, with its secret."""
        return self.plane.admin.made("/v1/webhooks", {"url": url, "event_types": list(event_types or "*"), **fields})

    def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.plane.admin.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["data"]
        return found

    def read(self, webhook: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.plane.admin.get(f"/v1/webhooks/{webhook['id']}").json()
        return found


def until(what: Callable[[], bool], *, seconds: float = 10.0) -> float:
    """Wait for something to become true; how long it took, in seconds."""
    start = utc_now()
    while not what():
        assert utc_now() - start < timedelta(seconds=seconds), "it did not happen"
        threading.Event().wait(0.005)
    return (utc_now() - start).total_seconds()
