"""The control plane as a process: what it acknowledged stays, and it starts and stops as it should."""

from __future__ import annotations

import json
import resource
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3

from support import postgres
from support.records import Instance
from support.server import KT, Server

pytestmark = pytest.mark.acceptance
BATCHES = 200
BATCH = 10


class _Gateway(threading.Thread):
    """Sends its chain batch by batch, again and again until each is acknowledged."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__()
        self._server = server
        self._instance = Instance(name)
        self.acknowledged: list[str] = []
        self.sent = 0

    def run(self) -> None:
        http = urllib3.PoolManager(retries=False, timeout=20)
        for _ in range(BATCHES // 4):
            body = json.dumps({"events": [self._instance.decision() for _ in range(BATCH)]})
            self.sent += BATCH
            while not self._send(http, body):
                time.sleep(0.1)

    def _send(self, http: urllib3.PoolManager, body: str) -> bool:
        url = f"{self._server.url}/v1/gateway/events"
        try:
            answer = http.request("POST", url, body=body, headers=self._server.headers)
        except urllib3.exceptions.HTTPError:
            return False
        if answer.status != 200:
            return False
        receipt: dict[str, Any] = answer.json()
        self.acknowledged += receipt["accepted"] + receipt["duplicates"]
        return True


def _kill(server: Server) -> None:
    server.kill()
    server.start()


def _fill_the_disk(server: Server) -> None:
    """No file of the server can grow while it is sent one more batch, which it has to refuse."""
    limit = resource.RLIMIT_FSIZE
    resource.prlimit(server.pid, limit, (4096, resource.RLIM_INFINITY))
    body = json.dumps({"events": [Instance("gwi_full").decision()]})
    answer = urllib3.request(
        "POST", f"{server.url}/v1/gateway/events", body=body, headers=server.headers, retries=False
    )
    resource.prlimit(server.pid, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (answer.status, json.loads(answer.data)["code"]) == (503, "store_unavailable"), answer.data


def _killed_in_the_middle(server: Server, fault: Callable[[Server], None] = _kill) -> None:
    with server:
        gateways = [_Gateway(server, f"gwi_{number}") for number in range(4)]
        for gateway in gateways:
            gateway.start()
        for share in (0.25, 0.6):
            while sum(len(gateway.acknowledged) for gateway in gateways) < share * BATCHES * BATCH:
                time.sleep(0.01)
            fault(server)
        for gateway in gateways:
            gateway.join()
        stored = [event["id"] for event in server.events()]
        acknowledged = [identifier for gateway in gateways for identifier in gateway.acknowledged]
        assert len(stored) == len(set(stored)) == BATCHES * BATCH
        assert set(acknowledged) == set(stored)
        assert server.stop() == 0


def test_nothing_acknowledged_is_lost_on_sqlite(tmp_path: Path) -> None:
    """2,000 events, killed twice on the way: each is there once, and no chain has a hole."""
    _killed_in_the_middle(Server(tmp_path))
    with sqlite3.connect(tmp_path / "control.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM chain_breaks").fetchone() == (0,)
    database.close()


@pytest.mark.postgresql
def test_nothing_acknowledged_is_lost_on_postgresql(tmp_path: Path) -> None:
    """The same on PostgreSQL, after `kt server migrate`; without it the server says what to do."""
    with postgres.server() as url:
        refused = subprocess.run(
            [KT, "server", "run", "--listen", "127.0.0.1:0", "--database-url", url, "--data-dir", tmp_path],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (refused.returncode, "run `kt server migrate`" in refused.stderr) == (1, True), refused.stderr
        migrated = subprocess.run(
            [KT, "server", "migrate", "--database-url", url], capture_output=True, text=True, check=True, timeout=60
        )
        assert migrated.stdout.startswith("migrated from an empty database")
        _killed_in_the_middle(Server(tmp_path, "--database-url", url))


def test_nothing_acknowledged_is_lost_when_the_disk_is_full(tmp_path: Path) -> None:
    """Twice in the middle: batches are refused with 503 and sent again, and the file stays whole."""
    _killed_in_the_middle(Server(tmp_path), _fill_the_disk)
    with sqlite3.connect(tmp_path / "control.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.postgresql
def test_nothing_acknowledged_is_lost_when_postgresql_crashes(tmp_path: Path) -> None:
    """Twice in the middle, with events in a database of their own: what was not acknowledged is sent again, once."""
    with postgres.server() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE events")
        both = ["--database-url", url, "--events-dsn", url.rpartition("/")[0] + "/events"]
        subprocess.run([KT, "server", "migrate", *both], capture_output=True, check=True, timeout=60)
        _killed_in_the_middle(Server(tmp_path, *both), lambda _: postgres.crash(url))


def test_the_first_key_is_for_its_owner(tmp_path: Path) -> None:
    """Mode 0600, written once; the second start changes nothing, and the log never holds it."""
    server = Server(tmp_path)
    with server:
        key = server.admin_key
        assert stat.S_IMODE((tmp_path / "admin.key").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "control.db").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
        server.stop()
        server.start()
        assert server.admin_key == key
        answer = urllib3.request("GET", f"{server.url}/v1/whoami", headers=server.headers)
        assert answer.json()["role"] == "admin"
        assert key not in server.log
        assert server.stop() == 0


def test_a_taken_port_and_a_taken_database(tmp_path: Path) -> None:
    """Both are said plainly, at once."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [str(KT), "server", "run", "--listen", f"127.0.0.1:{port}", "--data-dir", str(tmp_path)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (found.returncode, "address already in use" in found.stderr) == (1, True), found.stderr
    with Server(tmp_path):
        command = [str(KT), "server", "run", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (found.returncode, "in use by another server" in found.stderr) == (1, True), found.stderr


def test_a_tail_resumes_and_a_stop_ends_it(tmp_path: Path) -> None:
    """Events arrive as they are stored, go on after the last one seen, and SIGTERM ends the stream at once."""
    with Server(tmp_path) as server:
        http = urllib3.PoolManager()
        one = Instance()
        records = [one.decision("blocked"), one.decision(), one.decision("blocked")]
        stream = _stream(http, server, "?verdict=blocked")
        _post(http, server, records[:2])
        first = _frame(stream)
        assert json.loads(first["data"])["id"] == records[0]["id"]
        stream.close()
        _post(http, server, records[2:])
        resumed = _stream(http, server, "?verdict=blocked", {"Last-Event-ID": first["id"]})
        second = _frame(resumed)
        assert (json.loads(second["data"])["id"], second["event"]) == (records[2]["id"], "decision")
        before = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - before < 5
        assert resumed.read() == b""


def _post(http: urllib3.PoolManager, server: Server, records: list[dict[str, Any]]) -> None:
    url = f"{server.url}/v1/gateway/events"
    answer = http.request("POST", url, body=json.dumps({"events": records}), headers=server.headers)
    assert answer.status == 200, answer.data


def _stream(
    http: urllib3.PoolManager, server: Server, query: str, more: dict[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    url = f"{server.url}/v1/events/stream{query}"
    answer = http.request("GET", url, headers=server.headers | (more or {}), preload_content=False, timeout=30)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert _frame(answer) == {}, "it begins with a comment: it is open"
    return answer


def _frame(stream: urllib3.BaseHTTPResponse) -> dict[str, str]:
    """The next frame's fields; a comment has none."""
    text = b""
    while not text.endswith(b"\n\n"):
        piece = stream.read(1)
        assert piece, "the stream ended"
        text += piece
    lines = [line for line in text.decode().splitlines() if line and not line.startswith(":")]
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}
