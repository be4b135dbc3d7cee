"""Several gateways at one port: they share it, are started again, and end together."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.gateway.segments import read_events
from support.gateway_process import GatewayProcess, gateway_process, run_gateway
from support.policy_cases import document
from support.redis_server import redis_server

pytestmark = pytest.mark.acceptance

ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()


def options(directory: Path, **sections: Any) -> tuple[str | Path, ...]:
    path = directory / "policy.yaml"
    path.write_text(
        document({"audit-logger": {}}, providers={"targets": [{"id": "a", "provider": "mock"}]}, **sections)
    )
    return "--policy-config", path, "--spool-dir", directory / "spool"


def ask(gateway: GatewayProcess) -> int:
    """A request on a connection of its own, so that the kernel picks a worker."""
    headers = {"connection": "close"}
    return urllib3.request(
        "POST", f"{gateway.url}/v1/chat/completions", body=ASKED, headers=headers, retries=False
    ).status


def metrics(gateway: GatewayProcess) -> dict[str, float]:
    """Requests that each worker counts."""
    text = urllib3.request(
        "GET", f"{gateway.url}/metrics", headers={"connection": "close"}, retries=False
    ).data.decode()
    assert text.count("# TYPE keeptrusts_requests_total counter") <= 1
    found = re.findall(r'^keeptrusts_requests_total\{worker="(\d+)",status="200"\} (\S+)$', text, re.MULTILINE)
    return {worker: float(count) for worker, count in found}


def listening(gateway: GatewayProcess) -> list[dict[str, Any]]:
    return [line for line in tuple(gateway.log) if line["message"] == "listening"]


def wait_until(so: Callable[[], bool], what: str, seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_workers_share_a_port(tmp_path: Path) -> None:
    """Each answers and records; a killed one is started again while the others serve; SIGTERM ends all in order."""
    with gateway_process(*options(tmp_path), "--workers", "3") as gateway:
        wait_until(lambda: len(listening(gateway)) == 3, "three workers listen")
        assert len({line["port"] for line in listening(gateway)}) == 1
        asked = 0
        while len(metrics(gateway)) < 3:
            assert ask(gateway) == 200
            asked += 1
            assert asked < 500
        assert sum(metrics(gateway).values()) == asked
        victim = next(line for line in listening(gateway) if line["worker"] == 2)
        os.kill(victim["pid"], signal.SIGKILL)
        assert gateway.logged("a worker ended and is started again")["worker"] == 2
        wait_until(lambda: len(listening(gateway)) == 4, "the worker is started again")
        assert [ask(gateway) for _ in range(20)] == [200] * 20
        assert gateway.end() == 0
    spools = [tmp_path / "spool", tmp_path / "spool" / "worker-2", tmp_path / "spool" / "worker-3"]
    records = [event for spool in spools for event in read_events(spool) if event["event_type"] == "decision"]
    assert len(records) == asked + 20
    assert len({event["instance_id"] for event in records}) == 3


def test_what_cannot_start_is_told_once(tmp_path: Path) -> None:
    """A policy that does not lint, limits that nobody could count, and a port that is taken."""
    (tmp_path / "bad.yaml").write_text("pack: {}\n")
    spool = ("--spool-dir", tmp_path / "spool")
    bad = run_gateway("--listen", "127.0.0.1:0", "--policy-config", tmp_path / "bad.yaml", *spool, "--workers", "3")
    assert (bad.returncode, bad.stderr.count("nothing was started")) == (2, 1)

    limited = options(tmp_path, global_rate_limit={"max_requests": 5, "window_seconds": 60})
    alone = run_gateway("--listen", "127.0.0.1:0", *limited, "--workers", "2")
    assert (alone.returncode, alone.stderr.count("KEEPTRUSTS_REDIS_URL")) == (2, 1)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sockets = tmp_path / "t"
        sockets.mkdir()
        done = run_gateway("--listen", address, *options(tmp_path), "--workers", "2", TMPDIR=str(sockets))
        assert list(sockets.iterdir()) == []
        assert (done.returncode, "choose another `--listen`" in done.stderr) == (1, True)


def test_workers_count_together(tmp_path: Path) -> None:
    """With Redis, a limit is that of the gateway and not of each worker."""
    with redis_server() as redis:
        limited = options(tmp_path, global_rate_limit={"max_requests": 5, "window_seconds": 60})
        with gateway_process(*limited, "--workers", "2", KEEPTRUSTS_REDIS_URL=redis.url) as gateway:
            wait_until(lambda: len(listening(gateway)) == 2, "two workers listen")
            statuses = [ask(gateway) for _ in range(20)]
            assert statuses == [200] * 5 + [429] * 15
            assert gateway.end() == 0


def test_no_worker_outlives_its_supervisor(tmp_path: Path) -> None:
    """Killed as by a power cut: they drain, and leave nothing behind."""
    sockets = tmp_path / "t"
    sockets.mkdir()
    with gateway_process(*options(tmp_path), "--workers", "2", TMPDIR=str(sockets)) as gateway:
        wait_until(lambda: len(listening(gateway)) == 2, "two workers listen")
        workers = [line["pid"] for line in listening(gateway)]
        gateway.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "they end")
        assert list(sockets.iterdir()) == []
