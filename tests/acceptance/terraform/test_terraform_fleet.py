"""Convergence of real gateways as Terraform sees it: an apply ends when they run the document, or says who does not."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.gateway_process import GatewayProcess, gateway_process
from support.server import Server
from support.terraform import OTHER_POLICY, Workspace

pytestmark = pytest.mark.acceptance

FLEET = """
resource "keeptrusts_configuration" "fleet" {
  name        = "fleet"
  policy_yaml = file("${path.module}/policy.yaml")
}

resource "keeptrusts_gateway" "fleet" {
  name                  = "fleet"
  configuration_id      = keeptrusts_configuration.fleet.id
  configuration_version = keeptrusts_configuration.fleet.version
  wait_for_sync         = %s
  timeouts {
    update = "%s"
  }
}

resource "keeptrusts_gateway_token" "fleet" {
  gateway_id = keeptrusts_gateway.fleet.id
}
"""
WATCHED = """
data "keeptrusts_drift" "fleet" {}

output "drift" { value = data.keeptrusts_drift.fleet }
"""
UNWATCHED = FLEET.replace('  timeouts {\n    update = "%s"\n  }\n', "") % "false"


@pytest.fixture
def module(real: Workspace) -> Iterator[Workspace]:
    """A gateway with a token, before anybody runs it; what it made is gone at the end."""
    real.main(UNWATCHED)
    real.apply().ok()
    yield real
    real.destroy().ok()


def fleet(stack: ExitStack, module: Workspace, server: Server, folder: Path, count: int) -> list[GatewayProcess]:
    token = str(module.resource("keeptrusts_gateway_token.fleet")["token"])
    access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_GATEWAY_TOKEN": token}
    running = [
        stack.enter_context(gateway_process("--spool-dir", folder / f"spool-{number}", **access))
        for number in range(count)
    ]
    # a gateway listens before it has reported; one that never did is nobody's to wait for
    wait_until(lambda: known_instances(server) == {instance_of(one) for one in running})
    return running


def known_instances(server: Server) -> set[str]:
    answer = urllib3.request("GET", f"{server.url}/v1/gateways?name=fleet", headers=server.headers)
    (gateway,) = answer.json()["data"]
    return {one["instance_id"] for one in gateway["instances"]}


def drift(module: Workspace) -> dict[str, Any]:
    module.write("watched.tf", WATCHED)
    module.run("refresh").ok()
    found: dict[str, Any] = json.loads(module.run("output", "-json", "drift").ok().output)
    return found


def instance_of(gateway: GatewayProcess) -> str:
    return str(gateway.logged("listening")["instance_id"])


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_an_apply_ends_when_the_fleet_runs_it(module: Workspace, server: Server, tmp_path: Path) -> None:
    """After it every process has the new digest, and there is no drift."""
    with ExitStack() as stack:
        running = fleet(stack, module, server, tmp_path, 2)
        module.main(FLEET % ("true", "60s"), OTHER_POLICY)
        module.apply().ok()
        assert module.plan() == 0
        found = drift(module)
        assert (found["drifted"], found["drifted_gateways"], found["silent_gateways"]) == (False, [], [])
        digest = module.resource("keeptrusts_configuration.fleet")["content_digest"]
        assert {(one["instance_id"], one["active_digest"]) for one in found["instances"]} == {
            (instance_of(one), digest) for one in running
        }


@pytest.mark.parametrize("lost", [signal.SIGSTOP, signal.SIGKILL], ids=["partitioned", "killed"])
def test_an_apply_names_who_stays_behind(
    module: Workspace, server: Server, tmp_path: Path, lost: signal.Signals
) -> None:
    """An error with the process that does not run it; the change is made, and the drift says the same."""
    with ExitStack() as stack:
        running = fleet(stack, module, server, tmp_path, 2)
        running[1].process.send_signal(lost)
        # The wait goes its whole length, and the other gateway has to report within it on a machine that is busy.
        module.main(FLEET % ("true", "15s"), OTHER_POLICY)
        failed = module.apply()
        assert failed.status == 1
        assert "The gateway is not in sync" in failed.output
        assert instance_of(running[1]) in failed.output
        assert instance_of(running[0]) not in failed.output
        found = drift(module)
        assert (found["drifted"], found["drifted_gateways"]) == (True, ["fleet"])
        assert [one["instance_id"] for one in found["instances"] if not one["in_sync"]] == [instance_of(running[1])]
        if lost is signal.SIGSTOP:
            running[1].process.send_signal(signal.SIGCONT)
            wait_until(lambda: not drift(module)["drifted"])
