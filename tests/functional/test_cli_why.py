"""`kt events why` against a control plane on a real port."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import urllib3

from keeptrusts.client import Client
from keeptrusts.control.settings import Settings
from keeptrusts.policy.document import compile_document
from support.policy_cases import document
from support.records import Instance
from support.served import serve, shown


def test_a_decision_is_judged_again_by_the_version_that_ran(tmp_path: Path) -> None:
    """Not by the one that is current; a version that is gone is named, and the rest is told all the same."""
    strict, mild = (document({"secret-scanner": {"action": action}}) for action in ("block", "redact"))
    said = {"request": [{"role": "user", "part": "content", "text": "AKIAQ3ERTY7UI2OPASDF"}], "answer": []}
    with serve(Settings(data_dir=tmp_path), tmp_path) as plane:
        with Client(plane.url, plane.token) as client:
            draft: Any = {"name": "edge", "policy_yaml": strict}
            version: Any = {"policy_yaml": mild}
            configuration = client.configurations.create(draft)["id"]
            client.configurations.add_version(configuration, version)
        gateway = json.loads(plane.kt("gateway", "create", "--name", "edge", "--json").stdout)["id"]
        token = json.loads(plane.kt("gateway", "token", "create", "edge", "--json").stdout)["token"]
        ran = {"gateway_id": gateway, "configuration_id": configuration, "content": said}
        instance, digest = Instance(), compile_document(strict).digest
        events = [
            instance.decision("blocked", **ran, configuration_version=1, config_digest=digest),
            instance.decision("blocked", **ran, configuration_version=7),
        ]
        with urllib3.PoolManager(retries=False) as pool:
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            sent = json.dumps({"events": events})
            assert pool.request("POST", f"{plane.url}/v1/gateway/events", body=sent, headers=headers).status == 200
        first, second = ("\n".join(shown(plane.kt("events", "why", event["id"]))) for event in events)

    assert "judged again by version 1: blocked, secret_scanner.aws_access_key; as recorded" in first
    assert "not the document that ran" not in first
    assert "secret_scanner.found" in second
    assert "not judged again: version 7 of" in second
