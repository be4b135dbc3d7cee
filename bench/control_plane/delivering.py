"""
A queue of deliveries: how fast it is drained, in what memory, while one receiver hangs and the server is killed.

Messages are put into the outbox as the control plane would; each of the webhooks wants all of them. Receivers are one
process on loopback; one of them never answers. What arrived is told by its `webhook-id`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import urllib3
from page import load, table
from processes import own_seconds, peak_mib, resident_mib
from psycopg.types.json import Jsonb

from keeptrusts.store.transaction import new_id

HANGING = "/hangs"


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.lock = threading.Lock()
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A server that is killed leaves its connections."""

    def take(self, identifier: str) -> None:
        with self.lock:
            self.counts[identifier] = self.counts.get(identifier, 0) + 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == HANGING:
            self.server.over.wait(60)
            return
        self.server.take(self.headers["webhook-id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@dataclass(slots=True)
class Drained:
    """Memory in MiB. `repeated`: deliveries that came more than once, after a kill."""

    name: str
    expected: int
    arrived: int = 0
    repeated: int = 0
    seconds: float = 0.0
    before: float = 0.0
    after: float = 0.0
    peak: float = 0.0
    kills: int = 0
    cpu: float = 0.0
    peaks: list[float] = field(default_factory=list)


def lines(found: Sequence[Drained], endpoints: int) -> Iterator[str]:
    """For the page."""
    yield f"{found[0].expected:,} deliveries to {endpoints} webhooks, and one more that never answers."
    yield "CPU is the server's, without PostgreSQL's; that of a process that was killed is missing."
    yield ""
    names = (
        "run",
        "arrived",
        "lost",
        "repeated",
        "seconds",
        "a second",
        "CPU us each",
        "MiB before",
        "after",
        "at most",
    )
    yield from table(names, [(one.name, _figures(one)) for one in found])
    yield ""
    yield load()


def _figures(one: Drained) -> tuple[float, ...]:
    rate = one.expected / one.seconds
    lost = one.expected - one.arrived
    each = one.cpu / one.expected * 1e6
    return one.arrived, lost, one.repeated, one.seconds, rate, each, one.before, one.after, one.peak


Start = Callable[[], "subprocess.Popen[bytes]"]


@dataclass(slots=True)
class Queue:
    """Where the deliveries are, and the server that is to send them."""

    start: Start
    database: str
    url: str
    token: str
    org: str

    def measure(self, endpoints: int, messages: int, kills: int) -> Drained:
        """Queue `endpoints` times `messages` deliveries; wait until all but those of the hanging one are done."""
        receiver = _Receiver()
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        found = Drained(f"killed: {kills}", endpoints * messages, kills=kills)
        process = self.start()
        try:
            self._subscribe(f"http://127.0.0.1:{receiver.server_address[1]}", endpoints)
            found.before = resident_mib(process.pid)
            cpu, begun = own_seconds(process.pid), time.perf_counter()
            _publish(self.database, self.org, messages)
            process = self._drain(receiver, found, process)
            found.seconds = time.perf_counter() - begun
            found.cpu = own_seconds(process.pid) - (0 if kills else cpu)
            found.after = resident_mib(process.pid)
            found.peak = max(*found.peaks, peak_mib(process.pid), 0.0)
            found.arrived = len(receiver.counts)
            found.repeated = sum(count > 1 for count in receiver.counts.values())
        finally:
            receiver.over.set()
            process.terminate()
            process.wait(60)
            receiver.shutdown()
            _forget(self.database)
        return found

    def _subscribe(self, address: str, endpoints: int) -> None:
        http = urllib3.PoolManager(headers={"Authorization": f"Bearer {self.token}"})
        for path in (HANGING, *(f"/{number}" for number in range(endpoints))):
            made = http.request("POST", self.url + "/v1/webhooks", json={"url": address + path, "event_types": ["*"]})
            assert made.status == 201, made.data

    def _drain(self, receiver: _Receiver, found: Drained, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        marks = [found.expected * (number + 1) // (found.kills + 1) for number in range(found.kills)]
        end = time.monotonic() + 3600
        while (arrived := len(receiver.counts)) < found.expected:
            if marks and arrived >= marks[0]:
                marks.pop(0)
                found.peaks.append(peak_mib(process.pid))
                process.send_signal(signal.SIGKILL)
                process.wait()
                process = self.start()
            time.sleep(0.1)
            assert time.monotonic() < end
        return process


def _publish(database: str, org: str, count: int) -> None:
    said = {"id": "evt_bench", "verdict": "blocked", "reason_code": "prompt_injection.detected", "model": "gpt-5"}
    statement = "INSERT INTO messages (id, org, type, data, created_at) VALUES (%s, %s, 'event.blocked', %s, now())"
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [(new_id("msg"), org, Jsonb(said)) for _ in range(count)])


def _forget(database: str) -> None:
    """The webhooks, with what was sent to them: the next run has its own."""
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM jobs WHERE queue = 'deliveries'")
        connection.execute("DELETE FROM webhooks")


def command(address: str, database: str, folder: str, kt: str) -> list[str]:
    """A server that may deliver to this machine."""
    return [
        kt, "server", "run", "--listen", address, "--database-url", database, "--data-dir", folder, "--rate-limit",
        "1000000", "--allow-insecure-webhooks",
    ]  # fmt: skip


def started(line: list[str], url: str, secret: str) -> subprocess.Popen[bytes]:
    """A server that answers."""
    environment = {**os.environ, "KEEPTRUSTS_SECRET_KEY": secret}
    process = subprocess.Popen(line, env=environment, stderr=subprocess.DEVNULL)
    urllib3.request("GET", url + "/readyz", retries=urllib3.Retry(300, backoff_factor=0.1, backoff_max=0.5))
    return process
