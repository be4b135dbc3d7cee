"""A real gateway tells a real server of what it decided."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import urllib3

from support.gateway_process import gateway_process
from support.policy_cases import document
from support.webhooks import receiver

pytestmark = pytest.mark.acceptance


def test_a_decision_is_told_behind_its_answer(tmp_path: Path) -> None:
    """Without content; `/metrics` is there besides, and a stop tells what still waits."""
    policy = tmp_path / "policy.yaml"
    with receiver() as told, urllib3.PoolManager(retries=False, timeout=20) as http:
        callbacks = [{"type": "webhook", "url": told.url}, {"type": "prometheus"}]
        targets = {"targets": [{"id": "up", "provider": "mock"}]}
        policy.write_text(document({"audit-logger": {"content": "full"}}, providers=targets, callbacks=callbacks))
        with gateway_process("--policy-config", policy, "--spool-dir", tmp_path / "spool") as gateway:
            gateway.wait_until_ready()
            ask = {"model": "m", "messages": [{"role": "user", "content": "the launch code"}]}
            got = http.request("POST", f"{gateway.url}/v1/chat/completions", json=ask)
            assert got.status == 200
            limit = time.monotonic() + 10
            while not told.letters and time.monotonic() < limit:
                time.sleep(0.05)
            assert b"keeptrusts" in http.request("GET", f"{gateway.url}/metrics").data
        (letter,) = told.letters
        (event,) = json.loads(letter.body)["events"]
        assert (event["id"], event["verdict"]) == (got.headers["x-keeptrusts-event-id"], "allowed")
        assert b"launch code" not in letter.body
