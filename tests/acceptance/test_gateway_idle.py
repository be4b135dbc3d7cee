"""Connections on which nobody says anything: what each costs a real gateway, and that they hold nobody up."""

from __future__ import annotations

import json
import os
import resource
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import urllib3

from support.gateway_control import POLICY
from support.gateway_process import gateway_process

pytestmark = pytest.mark.acceptance

COUNT = int(os.environ.get("KEEPTRUSTS_IDLE_CONNECTIONS", "400"))
"""A nightly run sets ten thousand."""
MOST_KIB = 6.0
"""Of memory for each, in the gateway; what the kernel keeps of a socket is not counted."""
ASKED = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """So many may be open, here and in what is started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"`ulimit -Hn` is {hard}, and {count} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.timeout(300)
def test_they_cost_little_and_hold_nobody_up(tmp_path: Path) -> None:
    """Requests are answered between them, memory stays within bounds, and at the end each is closed."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with (
        descriptors(COUNT + 1000),
        gateway_process("--policy-config", policy, "--spool-dir", tmp_path / "spool") as gateway,
        urllib3.PoolManager(retries=False, timeout=30) as pool,
        ExitStack() as idle,
        selectors.DefaultSelector() as closed,
    ):
        gateway.wait_until_ready()
        for _ in range(20):
            assert pool.request("POST", f"{gateway.url}/v1/chat/completions", body=ASKED).status == 200
        before, took = resident_kib(gateway.process.pid), asked_ms(pool, gateway.url)
        for _ in range(COUNT):
            closed.register(idle.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 30)), 1)
        accepted = Path(f"/proc/{gateway.process.pid}/fd")
        until = time.monotonic() + 60
        while len(list(accepted.iterdir())) < COUNT and time.monotonic() < until:
            time.sleep(0.05)
        assert len(list(accepted.iterdir())) > COUNT
        later = asked_ms(pool, gateway.url)
        each = (resident_kib(gateway.process.pid) - before) / COUNT

        assert each < MOST_KIB, f"{each:.1f} KiB each"
        assert later < 20 * took + 100, f"a request took {took:.1f} ms before, and {later:.1f} beside them"
        gateway.process.terminate()
        until = time.monotonic() + 60
        while closed.get_map() and time.monotonic() < until:
            for key, _ in closed.select(1):
                assert isinstance(key.fileobj, socket.socket)
                assert key.fileobj.recv(1) == b""
                closed.unregister(key.fileobj)
        assert not closed.get_map()
        assert gateway.process.wait(30) == 0


def asked_ms(pool: urllib3.PoolManager, url: str) -> float:
    """The median of a few requests."""
    took = []
    for _ in range(11):
        began = time.perf_counter()
        assert pool.request("POST", f"{url}/v1/chat/completions", body=ASKED).status == 200
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)[5]
