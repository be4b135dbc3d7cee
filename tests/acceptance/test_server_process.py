"""The control plane as a process: what it acknowledged stays, and it starts and stops as it should."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.records import Instance
from support.server import KT, Server

pytestmark = pytest.mark.acceptance


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
