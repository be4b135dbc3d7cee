"""`kt dev`: the embedded default, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from support.dev import Dev, chat, until

pytestmark = pytest.mark.acceptance

NAMES = [
    "KEEPTRUSTS_API_URL", "KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_GATEWAY_URL", "KEEPTRUSTS_GATEWAY_ID",
    "KEEPTRUSTS_GATEWAY_TOKEN",
]  # fmt: skip


def event_of(dev: Dev, settings: dict[str, str], event_id: str) -> dict[str, Any]:
    """The event, as soon as `kt events tail --limit 10 --format json` has it."""

    def shipped() -> dict[str, Any] | None:
        done = dev.kt("events", "tail", "--limit", "10", "--format", "json", settings=settings)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return next((event for event in found if event["id"] == event_id), None)

    return until(shipped)


def test_from_nothing_to_a_proven_event_and_on_with_the_same_data(tmp_path: Path) -> None:
    """Start, governed request, event, Ctrl-C; a second start has the same key, gateway, token and events."""
    with Dev(tmp_path) as first:
        settings = first.ready()
        assert list(settings) == NAMES
        assert stat.S_IMODE(first.env_file.stat().st_mode) == 0o600
        status, headers, answer = chat(settings["KEEPTRUSTS_GATEWAY_URL"], "Write to maria.lopez@example.com")
        assert (status, headers["x-keeptrusts-verdict"]) == (200, "redacted")
        # the mock repeats what it was sent
        assert "maria.lopez" not in json.dumps(answer)
        event = event_of(first, settings, headers["x-keeptrusts-event-id"])
        assert (event["verdict"], event["gateway_id"]) == ("redacted", settings["KEEPTRUSTS_GATEWAY_ID"])
        assert first.stop(signal.SIGINT) == 0
        assert first.children() == []
        said, talk = first.running.communicate()
        assert "kt events tail --follow" in said
        assert f"\n  {settings['KEEPTRUSTS_API_URL']}/#/welcome/" in said
        assert settings["KEEPTRUSTS_API_TOKEN"] not in said + talk

    with Dev(tmp_path) as second:
        again = second.ready()
        kept = [name for name in NAMES if not name.endswith("URL")]
        assert {name: again[name] for name in kept} == {name: settings[name] for name in kept}
        assert event_of(second, again, event["id"])["hash"] == event["hash"]
        listed = json.loads(second.kt("gateway", "list", "--json", settings=again).stdout)
        assert [gateway["name"] for gateway in listed] == ["dev"]
        assert second.stop(signal.SIGTERM) == 0


def test_kill_9_leaves_no_children(tmp_path: Path) -> None:
    """Whatever ends `kt dev`, its processes end too, and the folder can be used again."""
    with Dev(tmp_path) as dev:
        dev.ready()
        assert len(dev.children()) >= 2
        dev.stop(signal.SIGKILL)
        until(lambda: None if dev.children() else True, seconds=20)
    with Dev(tmp_path) as again:
        again.ready()


def test_a_child_that_dies_ends_everything(tmp_path: Path) -> None:
    """Exit status 1, which one it was and its last lines; nothing is left running."""
    with Dev(tmp_path) as dev:
        dev.ready()
        os.kill(dev.children()[0], signal.SIGKILL)
        status, said = dev.ended()
        assert status == 1
        assert "error[child_ended]" in said
        assert dev.children() == []


@pytest.mark.parametrize("option", ["--api-listen", "--gateway-listen"])
def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path, option: str) -> None:
    """Exit status 1, the option to change, and no process."""
    other = {"--api-listen": "--gateway-listen", "--gateway-listen": "--api-listen"}[option]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Dev(tmp_path, option, address, other, "127.0.0.1:0") as dev:
            status, said = dev.ended()
    assert status == 1
    assert f"choose another with `{option}`" in said
    assert not (tmp_path / "data" / "control.db").exists()


def test_one_folder_serves_one(tmp_path: Path) -> None:
    """A second `kt dev` on the same folder says so, and the first goes on."""
    with Dev(tmp_path) as dev:
        settings = dev.ready()
        second = dev.kt("dev", "--data-dir", str(tmp_path / "data"), "--api-listen", "127.0.0.1:0",
                        "--gateway-listen", "127.0.0.1:0", "--env-file", str(tmp_path / "other.env"))  # fmt: skip
        assert second.returncode == 1
        assert "error[already_running]" in second.stderr
        assert dev.kt("auth", "whoami", settings=settings).returncode == 0


def test_a_lost_admin_key_is_replaced(tmp_path: Path) -> None:
    """Who owns the folder gets in again, with the data as it was."""
    with Dev(tmp_path) as dev:
        before = dev.ready()
    (tmp_path / "data" / "admin.key").unlink()
    with Dev(tmp_path) as dev:
        after = dev.ready()
        assert after["KEEPTRUSTS_API_TOKEN"] != before["KEEPTRUSTS_API_TOKEN"]
        assert after["KEEPTRUSTS_GATEWAY_ID"] == before["KEEPTRUSTS_GATEWAY_ID"]
        assert dev.kt("auth", "whoami", settings=after).returncode == 0
