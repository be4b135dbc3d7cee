"""`kt gateway` and what it changes, against a control plane, with instances that report by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.cli.gateway_status import summary
from keeptrusts.control.settings import Settings
from support.control import OTHER_POLICY, POLICY
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane with a configuration of two versions."""
    home = tmp_path_factory.mktemp("plane")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        for text in (POLICY, OTHER_POLICY):
            pushed = running.kt("config", "push", "--file", "-", "--name", "production", stdin=text)
            assert pushed.exit_code == 0, pushed.stderr
        yield running


def said(plane: Served, *arguments: str) -> Any:
    return json.loads("\n".join(shown(plane.kt(*arguments, "--json"))))


def report(plane: Served, name: str, **fields: object) -> None:
    """What an instance of this gateway says of itself."""
    token = said(plane, "gateway", "token", "create", name)["token"]
    body = {"instance_id": "gwi_1", "version": "1.0.0", "active_digest": None, "epoch": None, **fields}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("POST", f"{plane.url}/v1/gateway/status", body=json.dumps(body), headers=headers)
        assert answer.status == 200, answer.data


def gateway(plane: Served, name: str, *options: str) -> dict[str, Any]:
    return dict(said(plane, "gateway", "create", "--name", name, "--configuration", "production", *options))


def test_the_document_as_it_was_written(plane: Served) -> None:
    """Of the version it is pinned to, else of the latest; with its place as JSON."""
    gateway(plane, "documented")
    assert plane.kt("gateway", "config", "documented").stdout == OTHER_POLICY
    pinned = gateway(plane, "documented-old", "--configuration-version", "1")
    found = said(plane, "gateway", "config", "documented-old")
    assert found == {
        "gateway_id": pinned["id"],
        "configuration_id": pinned["configuration_id"],
        "configuration_version": 1,
        "content_digest": pinned["desired_digest"],
        "policy_yaml": POLICY,
    }


def test_a_gateway_without_a_configuration(plane: Served) -> None:
    """Exit status 2, and what is missing."""
    said(plane, "gateway", "create", "--name", "bare")
    for command in (("config", "bare"), ("diff", "bare", "--file", "-"), ("reload", "bare"), ("pin", "bare")):
        result = plane.kt("gateway", *command, stdin=POLICY)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "error[no_configuration]" in result.stderr


def test_what_a_file_would_change(plane: Served, tmp_path: Path) -> None:
    """Exit status 3 and the changes, 0 when there is none, 2 for a file that is no document; a laggard is named."""
    made = gateway(plane, "compared", "--configuration-version", "1")
    file = tmp_path / "policy-config.yaml"
    file.write_text(POLICY + "\n# a comment means nothing\n", encoding="utf-8")
    same = plane.kt("gateway", "diff", "compared", "--file", str(file))
    assert (same.exit_code, same.stdout, same.stderr) == (0, "the documents mean the same\n", "")
    report(plane, "compared", active_digest="sha256:old", epoch=1)
    file.write_text(OTHER_POLICY, encoding="utf-8")
    differs = plane.kt("gateway", "diff", made["id"], "--file", str(file), "--json")
    assert differs.exit_code == 3
    assert json.loads(differs.stdout)["changes"]
    assert "1 of 1 instances" in differs.stderr
    file.write_text("pack: {}\n", encoding="utf-8")
    assert plane.kt("gateway", "diff", "compared", "--file", str(file)).exit_code == 2


def test_status_is_a_check(plane: Served) -> None:
    """3 until every instance runs what it should, 0 then; each instance is shown with its epoch."""
    digest = gateway(plane, "checked")["desired_digest"]
    never = plane.kt("gateway", "status", "checked")
    assert (never.exit_code, "never_seen" in never.stdout) == (3, True)
    report(plane, "checked", active_digest=digest, epoch=1)
    found = said(plane, "gateway", "status", "checked")
    assert (found["status"], found["instance_count"], found["in_sync"]) == ("online", 1, 1)
    assert [(one["state"], one["epoch"]) for one in found["instances"]] == [("in_sync", 1)]
    report(plane, "checked", active_digest="sha256:old", epoch=1, instance_id="gwi_2")
    table = plane.kt("gateway", "status", "checked")
    assert (table.exit_code, "gwi_2" in table.stdout, "stale" in table.stdout) == (3, True, True)
    fleet = plane.kt("gateway", "status", "--format", "jsonl")
    rows = {row["name"]: row for row in map(json.loads, fleet.stdout.splitlines())}
    assert (fleet.exit_code, rows["checked"]["instance_count"], rows["checked"]["in_sync"]) == (3, 2, 1)


def test_reload_tells_what_it_waits_for(plane: Served) -> None:
    """Nobody to wait for; an instance that is behind in time and names it with its error; one that has done it."""
    digest = gateway(plane, "reloaded")["desired_digest"]
    nobody = plane.kt("gateway", "reload", "reloaded", "--wait")
    assert (nobody.exit_code, "no instance is heard of" in nobody.stderr) == (0, True)
    report(plane, "reloaded", active_digest=digest, epoch=2, last_error="it does not lint")
    asked = plane.kt("gateway", "reload", "reloaded")
    assert (asked.exit_code, "epoch 3 or more" in asked.stderr) == (0, True)
    late = plane.kt("gateway", "reload", "reloaded", "--wait", "--timeout", "1s")
    assert (late.exit_code, "gwi_1 (it does not lint)" in late.stderr) == (1, True)
    report(plane, "reloaded", active_digest=digest, epoch=9)
    assert said(plane, "gateway", "reload", "reloaded", "--wait")["epoch"] == 5


def test_pin_and_unpin(plane: Served) -> None:
    """At the version that is named, at the present one without, and back to the latest."""
    gateway(plane, "pinned")
    assert said(plane, "gateway", "pin", "pinned", "--version", "1")["configuration_version"] == 1
    assert plane.kt("gateway", "config", "pinned").stdout == POLICY
    assert said(plane, "gateway", "unpin", "pinned")["configuration_version"] is None
    assert said(plane, "gateway", "pin", "pinned")["configuration_version"] == 2
    assert plane.kt("gateway", "pin", "pinned", "--version", "7").exit_code == 2


def test_a_version_goes_to_a_share_first(plane: Served) -> None:
    """Declared by `update`, seen in `status`, ended by `promote`; a share and none exclude each other."""
    made = gateway(plane, "shared", "--configuration-version", "1")
    report(plane, "shared", active_digest=made["desired_digest"], epoch=made["epoch"])
    assert said(plane, "gateway", "update", "shared", "--canary", "1")["deployment"] == {
        "strategy": "canary", "percent": 1,
    }  # fmt: skip
    assert said(plane, "gateway", "unpin", "shared")["canary_count"] == 1
    found = json.loads(plane.kt("gateway", "status", "shared", "--json").stdout)
    assert (found["stable_version"], found["in_sync"]) == (1, 0)
    assert "stable_version" not in said(plane, "gateway", "promote", "shared")
    assert said(plane, "gateway", "update", "shared", "--no-canary")["deployment"] == {"strategy": "all"}
    both = plane.kt("gateway", "update", "shared", "--no-canary", "--canary", "5")
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)


def test_update_changes_what_is_named(plane: Served) -> None:
    """And nothing else; an empty text clears; another configuration is followed from its latest version on."""
    before = gateway(plane, "changed", "--label", "team=a", "--description", "first", "--configuration-version", "1")
    after = said(plane, "gateway", "update", "changed", "--environment", "staging", "--label", "team=b")
    assert after == before | {"environment": "staging", "labels": {"team": "b"}, "updated_at": after["updated_at"]}
    cleared = said(plane, "gateway", "update", "changed", "--description", "", "--environment", "", "--no-labels")
    assert (cleared["description"], cleared["environment"], cleared["labels"]) == (None, None, {})
    assert plane.kt("config", "push", "--file", "-", "--name", "another", stdin=POLICY).exit_code == 0
    moved = said(plane, "gateway", "update", "changed", "--configuration", "another")
    assert (moved["configuration_version"], moved["desired_digest"]) == (None, before["desired_digest"])
    assert said(plane, "gateway", "update", "changed", "--configuration", "")["configuration_id"] is None
    assert said(plane, "gateway", "update", "changed", "--name", "renamed")["name"] == "renamed"
    assert plane.kt("gateway", "update", "changed", "--name", "x").exit_code == 2
    assert plane.kt("gateway", "update", "renamed").exit_code == 2


def test_delete_asks_and_shuts_out(plane: Served) -> None:
    """It is gone, and its tokens open nothing any more."""
    gateway(plane, "doomed")
    token = said(plane, "gateway", "token", "create", "doomed")["token"]
    asked = plane.kt("gateway", "delete", "doomed", stdin="n\n")
    assert (asked.exit_code, "0 instances run it" in asked.stderr) == (1, True)
    assert plane.kt("gateway", "delete", "doomed", "--yes").exit_code == 0
    assert plane.kt("gateway", "show", "doomed").exit_code == 2
    assert plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": token}).exit_code == 4


def test_tokens_are_listed_and_revoked(plane: Served) -> None:
    """Without their secrets; only through the gateway they are of."""
    gateway(plane, "keyed")
    gateway(plane, "other")
    token = said(plane, "gateway", "token", "create", "keyed", "--name", "blue")
    listed = plane.kt("gateway", "token", "list", "keyed", "--json")
    assert [(one["name"], one["state"]) for one in json.loads(listed.stdout)] == [("blue", "valid")]
    assert token["token"] not in listed.stdout
    wrong = plane.kt("gateway", "token", "revoke", "other", token["id"], "--yes")
    assert (wrong.exit_code, "kt gateway token list" in wrong.stderr) == (2, True)
    assert plane.kt("gateway", "token", "revoke", "keyed", token["id"], stdin="n\n").exit_code == 1
    assert plane.kt("gateway", "token", "revoke", "keyed", token["id"], "--yes").exit_code == 0
    assert said(plane, "gateway", "token", "list", "keyed")[0]["state"] == "revoked"


def test_an_earlier_control_plane_tells_no_epoch() -> None:
    """The line about a gateway is made all the same."""
    earlier: Any = {"id": "gw_1", "name": "edge", "status": "never_seen", "instances": []}
    earlier |= dict.fromkeys(("environment", "configuration_id", "configuration_version", "desired_digest"))
    assert summary(earlier)["epoch"] is None
