"""The gateway as a process: started, killed, drained, reloaded."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
import urllib3

from keeptrusts.gateway.segments import read_events, segments
from keeptrusts.trail.chain import verify
from support.gateway_control import POLICY, policy_named
from support.gateway_process import gateway_process, run_gateway

pytestmark = pytest.mark.acceptance

ASKED = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()
JSON = {"content-type": "application/json"}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def ask_until_it_dies(url: str, answered: list[str], least: int, enough: threading.Event) -> None:
    """Requests one after the other; the event id of each complete answer is kept."""
    pool = urllib3.PoolManager(retries=False)
    try:
        while True:
            got = pool.request("POST", f"{url}/v1/chat/completions", body=ASKED, headers=JSON)
            assert got.status == 200
            answered.append(got.headers["x-keeptrusts-event-id"])
            if len(answered) >= least:
                enough.set()
    except urllib3.exceptions.HTTPError:
        return
    finally:
        pool.clear()


def test_kill_9_loses_no_answered_request(tmp_path: Path, policy: Path) -> None:
    """Killed in the middle of 2,000 requests: every answer has its record, over two lives, in one sound chain."""
    spool = tmp_path / "spool"
    answered: list[str] = []
    for least in (1000, 2000):
        enough = threading.Event()
        with gateway_process("--policy-config", policy, "--spool-dir", spool) as gateway:
            gateway.wait_until_ready()
            clients = [
                threading.Thread(target=ask_until_it_dies, args=(gateway.url, answered, least, enough))
                for _ in range(4)
            ]
            for client in clients:
                client.start()
            assert enough.wait(120)
            gateway.kill()
            for client in clients:
                client.join(10)

    with gateway_process("--policy-config", policy, "--spool-dir", spool) as gateway:
        gateway.wait_until_ready()
        assert gateway.end() == 0
    events = list(read_events(spool))
    stored = {event["id"] for event in events}
    assert len(answered) >= 2000
    assert set(answered) <= stored
    assert len(stored) == len(events)
    assert verify(events) == []


def test_sigterm_drains(tmp_path: Path) -> None:
    """What is in flight is answered, nothing new is taken, and the exit status is 0."""
    slow = tmp_path / "slow.yaml"
    slow.write_text(POLICY.replace("provider: mock}", "provider: mock, mock: {delay_ms: 700}}"))
    statuses: list[int] = []

    def ask(url: str) -> None:
        got = urllib3.request("POST", f"{url}/v1/chat/completions", body=ASKED, headers=JSON, retries=False)
        statuses.append(got.status)

    with gateway_process("--policy-config", slow, "--spool-dir", tmp_path / "spool") as gateway:
        gateway.wait_until_ready()
        url = gateway.url
        client = threading.Thread(target=ask, args=(url,))
        client.start()
        time.sleep(0.3)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.logged("draining")
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.request("GET", f"{url}/healthz", retries=False)
        client.join(10)
        assert gateway.process.wait(10) == 0
        assert gateway.noise == []
    assert statuses == [200]
    assert len(list(read_events(tmp_path / "spool"))) == 1


def test_reload_by_signal_and_by_watching_fails_no_request(tmp_path: Path, policy: Path) -> None:
    """While requests run, the file changes and SIGHUP comes; a broken file changes nothing."""
    with gateway_process("--policy-config", policy, "--spool-dir", tmp_path / "spool") as gateway:
        gateway.wait_until_ready()
        url = gateway.url
        stop, statuses = threading.Event(), []

        def ask() -> None:
            pool = urllib3.PoolManager(retries=False)
            while not stop.is_set():
                statuses.append(pool.request("POST", f"{url}/v1/chat/completions", body=ASKED, headers=JSON).status)
            pool.clear()

        client = threading.Thread(target=ask)
        client.start()
        before = digest(url)
        policy.write_text(policy_named("second"))
        gateway.process.send_signal(signal.SIGHUP)
        second = changed(url, before)
        policy.write_text("pack: {}\n")
        gateway.logged("configuration refused; the active one stays")
        assert digest(url) == second
        policy.write_text(policy_named("third"))
        changed(url, second)
        stop.set()
        client.join(10)
        assert gateway.end() == 0
    assert set(statuses) == {200}


def digest(url: str) -> str:
    return str(urllib3.request("GET", f"{url}/health", retries=False).json()["config_digest"])


def changed(url: str, before: str) -> str:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if (now := digest(url)) != before:
            return now
        time.sleep(0.05)
    raise AssertionError("the configuration did not change")


def test_invalid_policy_is_shown_and_nothing_starts(tmp_path: Path, policy: Path) -> None:
    """The findings with their places, and exit status 2."""
    policy.write_text(POLICY.replace("chain: [audit-logger]", "chain: [audit-loger]"))
    ended = run_gateway("--listen", "127.0.0.1:0", "--policy-config", policy, "--spool-dir", tmp_path / "spool")

    assert ended.returncode == 2
    assert "error[E001]" in ended.stderr
    assert not (tmp_path / "spool").exists()
    assert "line 2" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_port_in_use_says_so(tmp_path: Path, policy: Path) -> None:
    """Which address, and which option to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_gateway("--listen", listen, "--policy-config", policy, "--spool-dir", tmp_path / "spool")

    assert ended.returncode == 1
    assert f"cannot listen on `{listen}`: address already in use; choose" in ended.stderr
    assert "--listen" in ended.stderr


def test_nothing_to_enforce_says_so(tmp_path: Path) -> None:
    """Neither a file nor a control plane: what to give."""
    ended = run_gateway("--listen", "127.0.0.1:0", "--spool-dir", tmp_path / "spool")

    assert ended.returncode == 2
    assert "--policy-config FILE" in ended.stderr
    assert not (tmp_path / "spool").exists()


def test_spool_in_use_says_so(tmp_path: Path, policy: Path) -> None:
    """Two gateways never share a spool."""
    spool = tmp_path / "spool"
    with gateway_process("--policy-config", policy, "--spool-dir", spool) as gateway:
        gateway.wait_until_ready()
        ended = run_gateway("--listen", "127.0.0.1:0", "--policy-config", policy, "--spool-dir", spool)

    assert ended.returncode == 2
    assert "--spool-dir" in ended.stderr


def test_dry_run_starts_nothing(tmp_path: Path, policy: Path) -> None:
    """What would be enforced, on stdout; a target without its key is named."""
    keyless = "[{id: mock, provider: mock}, {id: up, provider: openai, secret_key_ref: {env: NO_SUCH_KEY_HERE}}]"
    policy.write_text(POLICY.replace("[{id: mock, provider: mock}]", keyless))
    spool = tmp_path / "spool"
    ended = run_gateway("--dry-run", "--policy-config", policy, "--spool-dir", spool)

    assert (ended.returncode, spool.exists()) == (0, False)
    assert "chain: audit-logger" in ended.stdout
    assert "target mock (mock): available" in ended.stdout
    assert "set `NO_SUCH_KEY_HERE`" in ended.stdout


def test_torn_record_of_a_crash_is_cut_at_start(tmp_path: Path, policy: Path) -> None:
    """A half-written record at the end of the spool is no reason not to start."""
    spool = tmp_path / "spool"
    with gateway_process("--policy-config", policy, "--spool-dir", spool) as gateway:
        gateway.wait_until_ready()
        urllib3.request("POST", f"{gateway.url}/v1/chat/completions", body=ASKED, headers=JSON, retries=False)
        gateway.kill()
    with segments(spool)[-1].open("ab") as file:
        file.write(os.urandom(20))
    with gateway_process("--policy-config", policy, "--spool-dir", spool) as gateway:
        gateway.wait_until_ready()
        assert gateway.logged("the end of a record that was never acknowledged was cut")["bytes"] == 20
        urllib3.request("POST", f"{gateway.url}/v1/chat/completions", body=ASKED, headers=JSON, retries=False)
    assert [event["sequence"] for event in read_events(spool)] == [1, 2]
