"""Hundreds of gateways at one spool, each killed at a random moment of its start, its work or its recovery."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest
import urllib3

from keeptrusts.gateway.segments import read_events
from keeptrusts.trail.chain import verify
from support.gateway_control import POLICY
from support.gateway_forks import nursery
from support.gateway_process import gateway_process

pytestmark = pytest.mark.acceptance

RUNS = int(os.environ.get("KEEPTRUSTS_KILL_RUNS", "200"))
"""A nightly run sets a thousand."""
ASKED = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()
JSON = {"content-type": "application/json"}


class Clients:
    """Threads that ask whatever gateway is there, and note which answers they got in whole."""

    def __init__(self, port: int, count: int) -> None:
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._done = threading.Event()
        self.answered: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            while not self._done.is_set():
                try:
                    got = pool.request("POST", self._url, body=ASKED, headers=JSON)
                except urllib3.exceptions.HTTPError:
                    self._done.wait(0.005)
                    continue
                if got.status == 200:
                    self.answered.append(got.headers["x-keeptrusts-event-id"])

    def end(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.mark.timeout(60 + RUNS)
def test_every_answer_has_its_record(tmp_path: Path) -> None:
    """Whenever it was killed: what a client has got is stored once, and the chain of all lives is sound."""
    policy, spool, port = tmp_path / "policy.yaml", tmp_path / "spool", free_port()
    policy.write_text(POLICY)
    options = ["--listen", f"127.0.0.1:{port}", "--policy-config", str(policy), "--spool-dir", str(spool)]
    chance, clients, lives, span = random.Random(7), Clients(port, 3), 0, 0.3
    try:
        with nursery(policy) as forks:
            for _ in range(RUNS):
                before = len(clients.answered)
                gateway = forks.start(options)
                time.sleep(chance.uniform(0, span))
                forks.kill(gateway)
                lived = len(clients.answered) > before
                lives += lived
                span *= 0.95 if lived else 1.05  # about every second one answers, however busy the machine is
    finally:
        clients.end()

    with gateway_process("--policy-config", policy, "--spool-dir", spool) as last:
        last.wait_until_ready()
        assert last.end() == 0
    events = list(read_events(spool))
    stored = {event["id"] for event in events}
    # Some are killed before they answer anything; when most of them are, little is shown by what follows.
    assert lives >= RUNS // 4
    assert set(clients.answered) <= stored
    assert len(stored) == len(events)
    assert verify(events) == []
