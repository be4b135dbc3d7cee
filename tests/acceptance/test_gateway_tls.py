"""A gateway that serves over TLS: shown, verified, renewed while it runs."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import urllib3

from support.certificates import certificate
from support.gateway_process import GatewayProcess, gateway_process, run_gateway
from support.policy_cases import document

pytestmark = pytest.mark.acceptance

ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()


def policy(directory: Path) -> Path:
    path = directory / "policy.yaml"
    path.write_text(document({"audit-logger": {}}, providers={"targets": [{"id": "a", "provider": "mock"}]}))
    return path


def ready(gateway: GatewayProcess, chain: Path) -> bool:
    """Whether it answers over TLS with this certificate."""
    url = f"https://localhost:{gateway.port}"
    with urllib3.PoolManager(ca_certs=str(chain), retries=False, timeout=10) as http:
        try:
            return http.request("GET", f"{url}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False


def test_it_serves_over_tls_and_takes_up_a_new_certificate(tmp_path: Path) -> None:
    """A request is governed; SIGHUP shows the renewed certificate, and a broken one changes nothing."""
    chain, key = certificate(tmp_path, "localhost")
    (tmp_path / "next").mkdir()
    renewed, renewed_key = certificate(tmp_path / "next", "localhost")
    options = ("--policy-config", policy(tmp_path), "--spool-dir", tmp_path / "spool")
    with gateway_process(*options, "--tls-cert", chain, "--tls-key", key) as gateway:
        assert gateway.logged("listening")["tls"] is True
        url = f"https://localhost:{gateway.port}/v1/chat/completions"
        with urllib3.PoolManager(ca_certs=str(chain), retries=False, timeout=10) as http:
            answer = http.request("POST", url, body=ASKED)
            assert (answer.status, answer.json()["choices"][0]["message"]["content"]) == (200, "hello")
        assert not ready(gateway, renewed)
        before = chain.read_bytes()
        chain.write_bytes(b"broken")
        gateway.process.send_signal(signal.SIGHUP)
        gateway.logged("reload failed")
        (tmp_path / "before.pem").write_bytes(before)
        assert ready(gateway, tmp_path / "before.pem")
        shutil.copy(renewed, chain)
        shutil.copy(renewed_key, key)
        gateway.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while not ready(gateway, renewed) and time.monotonic() < until:
            time.sleep(0.05)
        assert ready(gateway, renewed)
        assert gateway.end() == 0


def test_clear_text_is_not_served(tmp_path: Path) -> None:
    """Nor does a client that never shakes hands hold anything up; HTTP/1.1 is what can be agreed on."""
    chain, key = certificate(tmp_path, "localhost")
    options = ("--policy-config", policy(tmp_path), "--spool-dir", tmp_path / "spool")
    context = ssl.create_default_context(cafile=str(chain))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_process(*options, "--tls-cert", chain, "--tls-key", key))
        address = ("127.0.0.1", gateway.port)
        _silent, plain, one = (stack.enter_context(socket.create_connection(address, 10)) for _ in range(3))
        plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(100)
        secured = stack.enter_context(context.wrap_socket(one, server_hostname="localhost"))
        assert secured.version() in {"TLSv1.2", "TLSv1.3"}
        assert secured.selected_alpn_protocol() == "http/1.1"


def test_what_is_no_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    """A key with a password, of another certificate, or missing: one line, and exit status 2."""
    chain, key = certificate(tmp_path, "localhost")
    (tmp_path / "other").mkdir()
    _, sealed = certificate(tmp_path / "other", "localhost", password=b"secret")
    options = ("--listen", "127.0.0.1:0", "--policy-config", policy(tmp_path), "--spool-dir", tmp_path / "spool")
    for given, said in (
        (("--tls-cert", chain, "--tls-key", sealed), "unencrypted key"),
        (("--tls-cert", key, "--tls-key", key), "not a certificate"),
        (("--tls-cert", chain), "give both"),
    ):
        done = run_gateway(*options, *given)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
