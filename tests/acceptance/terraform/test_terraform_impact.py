"""What a plan predicts of recorded traffic is what the gateway then does."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from support.gateway_process import GatewayProcess, gateway_process
from support.server import Server
from support.terraform import Workspace

pytestmark = pytest.mark.acceptance

MODULE = """
resource "keeptrusts_configuration" "one" {
  name        = "impact"
  policy_yaml = file("${path.module}/policy.yaml")
}

resource "keeptrusts_gateway" "one" {
  name                  = "impact"
  configuration_id      = keeptrusts_configuration.one.id
  configuration_version = keeptrusts_configuration.one.version
  wait_for_sync         = %s
}

resource "keeptrusts_gateway_token" "one" {
  gateway_id = keeptrusts_gateway.one.id
}
"""
IMPACT = """
data "keeptrusts_policy_impact" "next" {
  configuration_id        = "%s"
  policy_yaml             = file("${path.module}/candidate.yaml")
  max_newly_blocked_ratio = %s
}

output "impact" { value = data.keeptrusts_policy_impact.next }
"""
BASE = """\
pack: {name: impact, version: "1.0.0", enabled: true}
providers:
  targets:
    - {id: primary, provider: mock}
policies:
  chain: [%s, audit-logger]
policy:
  audit-logger: {content: full}
"""
BEFORE = BASE % "token-limit"
AFTER = BASE % "pii-detector, topic-filter" + (
    "  topic-filter: {blocked_topics: [weapons]}\n  pii-detector: {action: redact}\n"
)
ASKED = ("hello", "tell me about weapons", "write to ada@acme.io", "bye", "weapons for ada@acme.io", "w\u200beapons")


@pytest.fixture
def module(real: Workspace) -> Iterator[Workspace]:
    real.main(MODULE % "false", BEFORE)
    real.apply().ok()
    yield real
    for name in ("data.tf", "candidate.yaml"):
        (real.folder / name).unlink(missing_ok=True)
    real.destroy().ok()


def verdicts(gateway: GatewayProcess) -> Counter[str]:
    """Of the same requests, one after the other."""
    with urllib3.PoolManager(retries=False) as http:
        return Counter(
            http.request(
                "POST",
                f"{gateway.url}/v1/chat/completions",
                json={"model": "m", "messages": [{"role": "user", "content": text}]},
            ).headers["x-keeptrusts-verdict"]
            for text in ASKED
        )


def wait_for_events(server: Server, count: int) -> None:
    until = time.monotonic() + 60
    while len([one for one in server.events() if one["model"] == "m"]) < count:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_what_is_predicted_is_what_happens(module: Workspace, server: Server, tmp_path: Path) -> None:
    """Counts in the plan, an error past the allowed share, and then no difference at the gateway."""
    token = str(module.resource("keeptrusts_gateway_token.one")["token"])
    access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_GATEWAY_TOKEN": token}
    with gateway_process("--spool-dir", tmp_path / "spool", **access) as gateway:
        gateway.wait_until_ready()
        assert verdicts(gateway) == {"allowed": len(ASKED)}
        wait_for_events(server, len(ASKED))

        module.write("candidate.yaml", AFTER)
        module.write("data.tf", IMPACT % (module.resource("keeptrusts_configuration.one")["id"], "0.1"))
        refused = module.run("apply", "-auto-approve")
        assert refused.status == 1
        assert "The candidate blocks too much" in refused.output
        module.write("data.tf", IMPACT % (module.resource("keeptrusts_configuration.one")["id"], "0.9"))
        module.apply().ok()
        impact = json.loads(module.run("output", "-json", "impact").ok().output)
        predicted = {
            "blocked": impact["newly_blocked"],
            "redacted": impact["newly_redacted"],
            "allowed": impact["replayed"] - impact["newly_blocked"] - impact["newly_redacted"],
        }
        assert impact["replayed"] == impact["events"] == len(ASKED)
        assert impact["newly_blocked"] == 3

        module.main(MODULE % "true", AFTER)
        planned = " ".join(module.run("plan").ok().output.replace("│", " ").split())
        assert "Impact on recorded traffic" in planned
        assert (
            f"Of the newest 6 decisions that could be judged again: 3 newly blocked, {predicted['redacted']} newly"
            in (planned)
        )
        module.apply().ok()
        assert verdicts(gateway) == predicted
        assert module.resource("keeptrusts_configuration.one")["content_digest"] == impact["candidate_digest"]
        assert gateway.end() == 0
