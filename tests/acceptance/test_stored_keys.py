"""A key that the control plane keeps reaches the provider, changes while the gateway runs, and outlives a restart."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from support.control import POLICY
from support.flows import answer
from support.gateway_process import KT, GatewayProcess, environment, gateway_process
from support.server import Server

pytestmark = pytest.mark.acceptance


@contextmanager
def provider(seen: list[str]) -> Iterator[str]:
    """Answers everything, and notes the credentials."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(self.headers.get("authorization", ""))
            body = answer("hello")
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def set_key(server: Server, value: str, url: str) -> None:
    known = environment(KEEPTRUSTS_API_URL=server.url, KEEPTRUSTS_API_TOKEN=server.admin_key)
    command = [str(KT), "secret", "set", "openai-key", "--stdin", "--allow-host", url.removeprefix("http://")]
    done = subprocess.run(command, input=value, capture_output=True, text=True, env=known, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert value not in done.stdout + done.stderr


def asked_until(gateway: GatewayProcess, seen: list[str], wanted: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
    until = time.monotonic() + 30
    while not seen or seen[-1] != wanted:
        assert time.monotonic() < until, seen
        urllib3.request("POST", f"{gateway.url}/v1/chat/completions", body=body, retries=False)
        time.sleep(0.1)


def test_a_stored_key_reaches_the_provider(tmp_path: Path) -> None:
    """Set, changed under a gateway that runs, and kept sealed for a start without the control plane."""
    seen: list[str] = []
    with provider(seen) as url, Server(tmp_path) as server:
        naming = f"      provider: openai\n      base_url: {url}\n      secret_key_ref: {{store: openai-key}}\n"
        policy = POLICY.replace("      provider: mock\n", naming)
        configuration = server.made("/v1/configurations", name="stored", policy_yaml=policy)
        gateway_id = server.made("/v1/gateways", name="edge", configuration_id=configuration["id"])["id"]
        token = server.made(f"/v1/gateways/{gateway_id}/tokens")["token"]
        settings = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_GATEWAY_TOKEN": token}
        with gateway_process("--spool-dir", tmp_path / "spool", **settings) as gateway:
            gateway.wait_until_ready()
            health = urllib3.request("GET", f"{gateway.url}/health").json()
            assert not health["providers"]["primary"]["available"]
            set_key(server, "sk-first", url)
            asked_until(gateway, seen, "Bearer sk-first")
            set_key(server, "sk-second", url)
            asked_until(gateway, seen, "Bearer sk-second")
            gateway.kill()
        server.kill()
        assert b"sk-second" not in (tmp_path / "spool" / "variables").read_bytes()
        with gateway_process("--spool-dir", tmp_path / "spool", **settings) as gateway:
            gateway.wait_until_ready()
            seen.clear()
            asked_until(gateway, seen, "Bearer sk-second")
            assert "sk-second" not in json.dumps(gateway.log)
