"""An answer waits for a person, with real processes: held, approved with `kt`, given out once, whoever is killed."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.control import POLICY
from support.gateway_process import KT, GatewayProcess, environment, gateway_process
from support.server import Server

pytestmark = pytest.mark.acceptance

CAREFUL = POLICY.replace("    - token-limit\n", "    - human-oversight\n").replace(
    "  token-limit:\n    max_tokens: 1000\n", "  human-oversight:\n    timeout_seconds: {timeout}\n"
)
PLAIN = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


def ask(gateway: GatewayProcess, body: dict[str, Any], escalation: str = "") -> urllib3.BaseHTTPResponse:
    headers = {"x-keeptrusts-escalation": escalation} if escalation else {}
    url = f"{gateway.url}/v1/chat/completions"
    return urllib3.request("POST", url, body=json.dumps(body), headers=headers, retries=False)


def kt(server: Server, *words: str, status: int = 0) -> Any:
    """What a reviewer gets of `kt escalation ...`."""
    known = environment(KEEPTRUSTS_API_URL=server.url, KEEPTRUSTS_API_TOKEN=server.admin_key)
    done = subprocess.run(
        [str(KT), "escalation", *words, "--json"], capture_output=True, text=True, env=known, check=False, timeout=60
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr


def waiting(server: Server, identifier: str, state: str = "queued") -> dict[str, Any]:
    """The escalation, when it has come so far."""
    until = time.monotonic() + 30
    while True:
        found = {one["id"]: one for one in kt(server, "list")}
        if found.get(identifier, {}).get("state") == state:
            one: dict[str, Any] = found[identifier]
            return one
        assert time.monotonic() < until, found
        time.sleep(0.1)


def token_for(server: Server, timeout: int = 600) -> dict[str, str]:
    policy = CAREFUL.replace("{timeout}", str(timeout))
    configuration = server.made("/v1/configurations", name="careful", policy_yaml=policy)
    gateway = server.made("/v1/gateways", name="edge", configuration_id=configuration["id"])
    return {
        "KEEPTRUSTS_API_URL": server.url,
        "KEEPTRUSTS_GATEWAY_TOKEN": server.made(f"/v1/gateways/{gateway['id']}/tokens")["token"],
    }


@pytest.mark.parametrize("streamed", [False, True])
def test_an_approval_survives_both_ends(tmp_path: Path, streamed: bool) -> None:
    """Held while the control plane is away, shown and approved after both were killed, given out once, then spent."""
    body = PLAIN | {"stream": streamed}
    with Server(tmp_path) as server:
        settings = token_for(server)
        with gateway_process("--spool-dir", tmp_path / "spool", **settings) as gateway:
            gateway.wait_until_ready()
            server.kill()
            refused = ask(gateway, body)
            assert (refused.status, refused.json()["error"]["code"]) == (409, "escalation_required")
            identifier = refused.json()["error"]["escalation_id"]
            held = [path.read_bytes() for path in (tmp_path / "spool" / "held").glob("esc_*")]
            assert len(held) == 1
            assert b"mock" not in held[0]
            gateway.kill()
        server.start()
        with gateway_process("--spool-dir", tmp_path / "spool", **settings) as gateway:
            gateway.wait_until_ready()
            assert waiting(server, identifier)["policy"] == "human-oversight"
            early = ask(gateway, body, identifier)
            assert (early.status, early.json()["error"]["escalation_id"]) == (409, identifier)
            shown = kt(server, "show", identifier, "--held")
            kt(server, "claim", identifier)
            kt(server, "resolve", identifier, "--outcome", "approved", "--reason", "fine")
            server.kill()
            server.start()
            other = ask(gateway, body | {"temperature": 0}, identifier)
            assert other.json()["error"]["code"] == "escalation_mismatch"
            got = ask(gateway, body, identifier)
            assert (got.status, got.data.decode()) == (200, shown["text"])
            assert got.headers["content-type"] == ("text/event-stream" if streamed else "application/json")
            again = ask(gateway, body, identifier)
            assert (again.status, again.json()["error"]["code"]) == (409, "escalation_spent")
            gateway.end()
        events = {event["request_id"]: event for event in server.events()}
        given = events[got.headers["x-request-id"]]
        assert (given["verdict"], given["reason_code"]) == ("allowed", "escalation_approved")
        assert given["escalation_id"] == identifier


def test_denied_and_overdue_are_refused(tmp_path: Path) -> None:
    """A denial says so to the caller; what nobody decides in time is denied by itself."""
    with Server(tmp_path) as server, gateway_process("--spool-dir", tmp_path / "spool", **token_for(server, 3)) as gate:
        gate.wait_until_ready()
        first, second = (ask(gate, PLAIN).json()["error"]["escalation_id"] for _ in range(2))
        waiting(server, first)
        kt(server, "resolve", first, "--outcome", "denied", "--reason", "no")
        assert ask(gate, PLAIN, first).json()["error"]["code"] == "escalation_denied"
        waiting(server, second, "expired")
        assert ask(gate, PLAIN, second).json()["error"]["code"] == "escalation_expired"
        late = kt(server, "resolve", second, "--outcome", "approved", "--reason", "late", status=2)
        assert "nobody decided until" in late
