"""Runs that end before their time: nothing that was made is lost, and nobody stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from support.terraform import CONFIGURATION, OTHER_POLICY, Workspace
from support.terraform_api import Api, ProblemError, wait_until

pytestmark = pytest.mark.acceptance

ADDRESS = "keeptrusts_configuration.one"
WEBHOOKS = """
resource "keeptrusts_webhook" "alike" {
  count       = 3
  url         = "https://siem.example.com/alike"
  event_types = ["event.*"]
}
"""


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A temporary folder for the providers: each has a folder of its own in it for as long as it lives."""
    folder = Path(tempfile.mkdtemp(prefix="kt"))
    yield folder
    shutil.rmtree(folder)


def providers(sockets: Path) -> list[int]:
    """The process ids of those that live."""
    return [int(path.name.split("-")[1]) for path in sockets.glob("keeptrusts-*")]


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/status")
    return not status.exists() or "zombie" not in status.read_text()


def test_a_killed_terraform_takes_its_provider_along(workspace: Workspace, api: Api, sockets: Path) -> None:
    """After `kill -9` during a create the provider is gone at once, and the next run finds the half-made object."""
    workspace.main(CONFIGURATION)
    reached, go_on = Event(), Event()

    def hang(_made: dict[str, Any]) -> None:
        reached.set()
        go_on.wait(30)

    api.on_made = hang
    running = workspace.start("apply", "-auto-approve", env={"TMPDIR": str(sockets)})
    assert reached.wait(60)
    (provider,) = providers(sockets)
    assert lives(provider)
    running.kill()
    running.communicate()
    wait_until(lambda: not lives(provider), seconds=5)
    assert providers(sockets) == []
    go_on.set()
    api.on_made = lambda _: None

    again = workspace.apply().ok()
    assert "An object was taken over" in again.output
    assert [one["id"] for one in api.of("configurations")] == [workspace.resource(ADDRESS)["id"]]
    assert workspace.plan() == 0
    workspace.destroy().ok()
    assert api.objects == {}


def test_an_interrupted_create_is_in_the_state(workspace: Workspace, api: Api, sockets: Path) -> None:
    """Ctrl-C reaches Terraform and the provider alike; the create is finished and saved, and nobody stays behind."""
    workspace.main(CONFIGURATION)

    def interrupt(_made: dict[str, Any]) -> None:
        os.killpg(running.pid, signal.SIGINT)
        assert told.wait(30)

    told = Event()
    api.on_made = interrupt
    running = workspace.start("apply", "-auto-approve", env={"TMPDIR": str(sockets)})
    assert running.stdout is not None
    output = ""
    for line in running.stdout:
        output += line
        if "Interrupt received" in line:
            told.set()
    running.communicate(timeout=60)
    assert "did not respond" not in output
    assert workspace.resource(ADDRESS)["id"] in api.objects
    wait_until(lambda: providers(sockets) == [], seconds=5)
    assert workspace.plan() == 0


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_interrupted_change_is_in_the_state(workspace: Workspace, api: Api, sockets: Path, method: str) -> None:
    """Ctrl-C during an update or a delete: it is finished and saved, and the next run has nothing to set right."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    told = Event()

    def interrupt(request: Any) -> None:
        if request.method == method:
            os.killpg(running.pid, signal.SIGINT)
            assert told.wait(30)

    api.failures.append(interrupt)
    workspace.write("policy.yaml", OTHER_POLICY)
    verb = "apply" if method == "PATCH" else "destroy"
    running = workspace.start(verb, "-auto-approve", env={"TMPDIR": str(sockets)})
    assert running.stdout is not None
    for line in running.stdout:
        if "Interrupt received" in line:
            told.set()
    running.communicate(timeout=60)
    wait_until(lambda: providers(sockets) == [], seconds=5)
    assert told.is_set()
    if method == "PATCH":
        assert workspace.resource(ADDRESS)["version"] == 2
        assert workspace.plan() == 0
    else:
        assert (api.objects, workspace.addresses()) == ({}, [])


def test_an_interrupted_wait_ends(workspace: Workspace, api: Api) -> None:
    """A provider that waits for a busy control plane stops waiting; what was there before is still in the state."""
    workspace.main(CONFIGURATION)
    asked = Event()

    def busy(request: Any) -> Any:
        if request.method != "POST":
            return None
        asked.set()
        return ProblemError(429, "rate_limited", "later", {"Retry-After": "55"})

    api.failures.append(busy)
    running = workspace.start("apply", "-auto-approve")
    assert asked.wait(60)
    os.killpg(running.pid, signal.SIGINT)
    output, _ = running.communicate(timeout=20)
    assert running.returncode == 1
    assert "Too many requests" in output
    assert api.objects == {}


def test_a_lost_answer_makes_one_object(workspace: Workspace, api: Api) -> None:
    """The connection breaks after the object was stored: the same key finds it again within the run."""
    workspace.main(CONFIGURATION)
    broken: list[str] = []

    def break_once(made: dict[str, Any]) -> None:
        if not broken:
            broken.append(made["id"])
            raise ConnectionResetError

    api.on_made = break_once
    workspace.apply().ok()
    assert broken == [one["id"] for one in api.of("configurations")] == [workspace.resource(ADDRESS)["id"]]
    assert api.calls("POST") == 2


def test_resources_written_alike_are_several(workspace: Workspace, api: Api) -> None:
    """Three webhooks that are alike in every word have three objects, and each is deleted alone."""
    workspace.main(WEBHOOKS)
    workspace.apply().ok()
    assert len(api.of("webhooks")) == 3
    assert workspace.plan() == 0
    workspace.write("main.tf", (workspace.folder / "main.tf").read_text().replace("= 3", "= 2"))
    workspace.apply().ok()
    assert len(api.of("webhooks")) == 2
    workspace.destroy().ok()
    assert api.objects == {}


def test_a_renamed_block_keeps_an_object(workspace: Workspace, api: Api) -> None:
    """Made and deleted in one run: whichever is first, the state never names an object that is gone."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    workspace.main(CONFIGURATION.replace('"one" {', '"two" {'))
    status = workspace.apply().status
    if status:  # the name was still taken when the new one was made
        workspace.apply().ok()
    assert workspace.addresses() == ["keeptrusts_configuration.two"]
    assert workspace.resource("keeptrusts_configuration.two")["id"] in api.objects
    assert workspace.plan() == 0


def test_replacing_makes_another(workspace: Workspace, api: Api) -> None:
    """A forced replacement does not find its own predecessor."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    before = workspace.resource(ADDRESS)["id"]
    workspace.apply(f"-replace={ADDRESS}").ok()
    after = workspace.resource(ADDRESS)["id"]
    assert after != before
    assert list(api.objects) == [after]
