"""Kinds that are introduced by shares, in a gateway that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.gateway.segments import read_events
from support.gateway_process import gateway_process
from support.policy_cases import document

pytestmark = pytest.mark.acceptance

SECRET = "my key is ghp_a8Kd02LmZq93Xw71Bv5TgYh4Rf6Uj8Ik0Ol1"
MOCK = {"targets": [{"id": "mock", "provider": "mock"}]}


def policy(rollout: dict[str, Any]) -> str:
    blocks = {"secret-scanner": {"action": "block"}, "pii-detector": {}}
    return document(blocks, policies={"chain": list(blocks), "rollout": {"secret-scanner": rollout}}, providers=MOCK)


def test_a_shadow_lets_pass_and_its_record_tells_what_it_would_have_done(tmp_path: Path) -> None:
    """Then the same document enforces it: one reload, and requests are refused."""
    (tmp_path / "policy.yaml").write_text(policy({"mode": "shadow"}))
    with (
        urllib3.PoolManager(retries=False, timeout=20) as http,
        gateway_process("--policy-config", tmp_path / "policy.yaml", "--spool-dir", tmp_path / "spool") as made,
    ):
        made.wait_until_ready()
        for streamed in (False, True):
            got = ask(http, made.url, streamed=streamed)
            assert got.status == 200
            event = recorded(tmp_path, got)
            assert (event["verdict"], event["shadow_verdict"]) == ("allowed", "blocked")
            lines = {(one["mode"], one["verdict"]) for one in event["policies"] if one["kind"] == "secret-scanner"}
            assert lines == {("shadow", "blocked"), ("shadow", "allowed")}

        (tmp_path / "policy.yaml").write_text(policy({"mode": "enforce"}))
        assert http.request("POST", f"{made.url}/keeptrusts/config/reload").status == 200
        got = ask(http, made.url, streamed=False)
        assert got.status == 409
        assert recorded(tmp_path, got)["shadow_verdict"] is None


def ask(http: urllib3.PoolManager, url: str, *, streamed: bool) -> urllib3.BaseHTTPResponse:
    body = {"model": "m", "stream": streamed, "messages": [{"role": "user", "content": SECRET}]}
    return http.request("POST", f"{url}/v1/chat/completions", body=json.dumps(body).encode())


def recorded(folder: Path, got: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    (event,) = [one for one in read_events(folder / "spool") if one["id"] == got.headers["x-keeptrusts-event-id"]]
    return event
