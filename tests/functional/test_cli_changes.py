"""`kt` changes and takes away what the control plane has, and leads on where there is nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keeptrusts.control.settings import Settings
from support.control import POLICY
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these."""
    home = tmp_path_factory.mktemp("plane")
    with serve(Settings(data_dir=home, allow_insecure_webhooks=True, key_requests_per_minute=100_000), home) as running:
        yield running


def made(plane: Served, *arguments: str, **env: str) -> dict[str, Any]:
    """What a command says as JSON."""
    return dict(json.loads("\n".join(shown(plane.kt(*arguments, "--json", env=env)))))


def test_what_is_gone_is_told_to_programs(plane: Served) -> None:
    """Each deletion and each end of a key, as JSON."""
    assert plane.kt("config", "push", "--file", "-", "--name", "gone", stdin=POLICY).exit_code == 0
    gateway = made(plane, "gateway", "create", "--name", "gone")
    token = made(plane, "gateway", "token", "create", "gone")
    revoked = made(plane, "gateway", "token", "revoke", "gone", token["id"], "--yes")
    assert revoked == {"id": token["id"], "gateway_id": gateway["id"], "revoked": True}
    assert made(plane, "gateway", "delete", "gone", "--yes") == {"id": gateway["id"], "name": "gone", "deleted": True}
    assert made(plane, "config", "delete", "gone", "--yes")["deleted"]
    hook = made(plane, "webhook", "create", "--url", "http://127.0.0.1:9/", "--event-type", "*", "--inactive")
    assert made(plane, "webhook", "delete", hook["id"], "--yes") == {"id": hook["id"], "deleted": True}
    made(plane, "secret", "set", "gone", "--env-var", "MINE", MINE="hunter2")
    assert made(plane, "secret", "delete", "gone", "--yes")["name"] == "gone"
    key = made(plane, "token", "create", "--name", "gone", "--role", "viewer")
    assert made(plane, "token", "revoke", key["id"], "--yes") == {"id": key["id"], "revoked": True}


def test_headers_and_secrets_of_a_webhook_come_from_the_environment(plane: Served) -> None:
    """None is an argument, and none comes back."""
    env = {"HOOK_AUTH": "Bearer of-ours", "HOOK_SECRET": "whsec_" + "A" * 32}
    said = plane.kt(
        "webhook", "create", "--url", "http://127.0.0.1:9/", "--event-type", "*", "--inactive", "--json",
        "--header-env", "Authorization=HOOK_AUTH", "--secret-env", "HOOK_SECRET", env=env,
    )  # fmt: skip
    hook = json.loads("\n".join(shown(said)))
    assert (hook["header_names"], "secret" in hook) == (["Authorization"], False)
    assert not [value for value in env.values() if value in said.stdout + said.stderr]
    assert made(plane, "webhook", "show", hook["id"]) == hook
    assert made(plane, "webhook", "update", hook["id"], "--no-headers")["header_names"] == []
    unset = plane.kt("webhook", "update", hook["id"], "--header-env", "x-team=NOT_SET_HERE")
    assert (unset.exit_code, "`NOT_SET_HERE`" in unset.stderr) == (2, True)


def test_what_is_around_a_stored_secret_changes_alone(plane: Served) -> None:
    """Its value is not asked for again, and its version stays; a new one needs a value."""
    made(plane, "secret", "set", "around", "--env-var", "MINE", MINE="hunter2")
    after = made(plane, "secret", "set", "around", "--description", "ours", "--allow-host", "a.example.com")
    assert (after["description"], after["allowed_hosts"], after["version"]) == ("ours", ["a.example.com"], 1)
    cleared = made(plane, "secret", "set", "around", "--description", "", "--known-hosts")
    assert (cleared["description"], cleared["allowed_hosts"]) == (None, None)
    assert plane.kt("secret", "set", "around").exit_code == 2
    assert plane.kt("secret", "set", "not-there", "--description", "x").exit_code == 2


@pytest.mark.parametrize(
    ("command", "way_on"),
    [
        (("events", "show", "evt_none"), "kt events tail"),
        (("escalation", "show", "esc_none"), "kt escalation list"),
        (("webhook", "show", "wh_none"), "kt webhook list"),
        (("webhook", "deliveries", "wh_none"), "kt webhook list"),
        (("export", "status", "exp_none"), "kt export list"),
        (("token", "show", "key_none"), "kt token list"),
    ],
)
def test_what_is_not_there_leads_to_what_is(plane: Served, command: tuple[str, ...], way_on: str) -> None:
    """Exit status 2, and the command that shows those there are."""
    result = plane.kt(*command)
    assert (result.exit_code, way_on in result.stderr) == (2, True)


def test_versions_and_deliveries_that_are_not_there(plane: Served) -> None:
    """Likewise, below an object that is there."""
    assert plane.kt("config", "push", "--file", "-", "--name", "one-version", stdin=POLICY).exit_code == 0
    result = plane.kt("config", "show", "one-version", "--version", "7")
    assert (result.exit_code, "kt config versions" in result.stderr) == (2, True)
    hook = made(plane, "webhook", "create", "--url", "http://127.0.0.1:9/", "--event-type", "*", "--inactive")
    result = plane.kt("webhook", "redeliver", hook["id"], "dlv_none")
    assert (result.exit_code, "kt webhook deliveries" in result.stderr) == (2, True)
