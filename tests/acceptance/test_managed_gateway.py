"""A managed gateway and its control plane as processes: whatever is killed, what was answered is known there."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.trail.chain import verify
from support.control import POLICY
from support.gateway_process import GatewayProcess, gateway_process
from support.served import run_kt
from support.server import Server

pytestmark = pytest.mark.acceptance

REQUESTS = 2000
KILLED_AFTER = (500, 1200)
BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()


@dataclass
class Clients:
    """Four that ask one request after the other, wherever the gateway is now; `answered` are event ids of answers."""

    url: str
    answered: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        with urllib3.PoolManager(retries=False, timeout=20) as pool:
            while not self.stop.is_set():
                try:
                    got = pool.request("POST", f"{self.url}/v1/chat/completions", body=BODY)
                except urllib3.exceptions.HTTPError:
                    time.sleep(0.02)
                    continue
                assert got.status == 200, got.data
                self.answered.append(got.headers["x-keeptrusts-event-id"])

    def wait_for(self, count: int) -> None:
        until = time.monotonic() + 120
        while len(self.answered) < count:
            assert time.monotonic() < until, f"{len(self.answered)} answers, not {count}"
            time.sleep(0.005)

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(30)


@dataclass(frozen=True)
class Managed:
    """A control plane with one gateway in it, and how that gateway is started."""

    server: Server
    folder: Path
    token: str

    @classmethod
    def on(cls, server: Server, folder: Path) -> Managed:
        configuration = server.made("/v1/configurations", name="production", policy_yaml=POLICY)
        gateway = server.made("/v1/gateways", name="edge", configuration_id=configuration["id"])
        token = server.made(f"/v1/gateways/{gateway['id']}/tokens")["token"]
        return cls(server, folder, token)

    @contextmanager
    def gateway(self, *options: str) -> Iterator[GatewayProcess]:
        settings = {"KEEPTRUSTS_API_URL": self.server.url, "KEEPTRUSTS_GATEWAY_TOKEN": self.token}
        with gateway_process("--spool-dir", self.folder / "spool", *options, **settings) as made:
            made.wait_until_ready()
            yield made

    def known(self, answered: list[str]) -> list[dict[str, Any]]:
        """Every event of the control plane, once it has one for each answer; oldest first."""
        until = time.monotonic() + 60
        while True:
            events = self.server.events()
            missing = set(answered) - {event["id"] for event in events}
            if not missing:
                return sorted(events, key=lambda event: event["sequence"])
            assert time.monotonic() < until, f"{len(missing)} of {len(answered)} answers have no event"
            time.sleep(0.2)


def assert_sound(events: list[dict[str, Any]], answered: list[str], folder: Path) -> None:
    """Each answer has one event, in one chain without a hole, and the control plane noted none."""
    identifiers = [event["id"] for event in events]
    assert len(set(answered)) == len(answered) >= REQUESTS
    assert set(answered) <= set(identifiers)
    assert len(set(identifiers)) == len(identifiers)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert verify(events) == []
    with sqlite3.connect(folder / "control.db") as database:
        assert database.execute("SELECT count(*) FROM chain_breaks").fetchone() == (0,)
    database.close()


def test_gateway_killed_in_the_middle(tmp_path: Path) -> None:
    """Killed three times in 2,000 requests: after each restart it ships what its last life had answered."""
    with Server(tmp_path) as server:
        managed = Managed.on(server, tmp_path)
        clients = Clients("http://127.0.0.1:9")
        with clients.asking():
            for least in (*KILLED_AFTER, REQUESTS):
                with managed.gateway() as gateway:
                    clients.url = gateway.url
                    clients.wait_for(least)
                    gateway.kill()
        with managed.gateway():
            events = managed.known(clients.answered)
        assert server.stop() == 0
    assert_sound(events, clients.answered, tmp_path)


def test_control_plane_killed_in_the_middle(tmp_path: Path) -> None:
    """Killed twice in 2,000 requests: no request notices, and it has every event when it is back."""
    with Server(tmp_path) as server:
        managed = Managed.on(server, tmp_path)
        with managed.gateway() as gateway:
            clients = Clients(gateway.url)
            with clients.asking():
                for least in KILLED_AFTER:
                    clients.wait_for(least)
                    server.kill()
                    clients.wait_for(least + 200)
                    server.start()
                clients.wait_for(REQUESTS)
            events = managed.known(clients.answered)
            assert gateway.end() == 0
        assert server.stop() == 0
    assert_sound(events, clients.answered, tmp_path)


def test_reload_and_pin_reach_the_running_gateway(tmp_path: Path) -> None:
    """`kt` waits until the process has done it; requests meanwhile are answered, and each once."""
    with Server(tmp_path) as server:
        managed = Managed.on(server, tmp_path)
        env = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": server.admin_key, "HOME": str(tmp_path)}
        with managed.gateway() as gateway:
            clients = Clients(gateway.url)
            with clients.asking():
                for epoch, command in ((2, ("reload",)), (3, ("pin", "--version", "1")), (4, ("unpin",))):
                    verb, *options = command
                    done = run_kt("gateway", verb, "edge", *options, "--wait", "--json", env=env)
                    assert done.exit_code == 0, done.stderr
                    shown = json.loads(done.stdout)
                    assert (shown["epoch"], shown["in_sync"]) == (epoch, 1)
                    assert urllib3.request("GET", f"{gateway.url}/keeptrusts/config").json()["active"]["epoch"] == epoch
                clients.wait_for(len(clients.answered) + 5)
            assert run_kt("gateway", "status", "edge", env=env).exit_code == 0
            assert run_kt("gateway", "config", "edge", env=env).stdout == POLICY
            assert gateway.end() == 0
        assert server.stop() == 0
    assert len(set(clients.answered)) == len(clients.answered)


def test_what_a_full_spool_dropped_is_admitted(tmp_path: Path) -> None:
    """While the control plane is away a small spool drops its oldest; then a gap record says which are lost."""
    with Server(tmp_path) as server:
        managed = Managed.on(server, tmp_path)
        with managed.gateway("--spool-max-bytes", "65536", "--on-spool-full", "drop-oldest") as gateway:
            server.kill()
            clients = Clients(gateway.url)
            with clients.asking():
                clients.wait_for(300)
            server.start()
            events = managed.known(clients.answered[-1:])
            assert gateway.end() == 0
        assert server.stop() == 0
    gap = [event for event in events if event["event_type"] == "gap"][-1]
    kept = {event["id"] for event in events}
    lost = [one for one in clients.answered if one not in kept]
    assert 0 < len(lost) <= gap["count"] == gap["to_sequence"] - gap["from_sequence"] + 1
    assert events[0]["sequence"] == gap["to_sequence"] + 1
    assert verify(events) == []
