"""`kt` commands that need no control plane, or say that there is none: init, config, doctor, listen, spool."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3
from click.testing import Result
from standardwebhooks import Webhook

from keeptrusts.cli.checks import gateway_port
from keeptrusts.cli.receiver import Receiver, check
from keeptrusts.control.settings import Settings
from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.registry import KINDS
from support.served import run_kt, serve, shown

SECRET = "whsec_" + "A" * 43 + "="


def kt(*arguments: str, home: Path, **env: str) -> Result:
    return run_kt(*arguments, env={"HOME": str(home), **env})


def test_init_writes_a_policy_that_is_valid(tmp_path: Path) -> None:
    """The first policy lints clean, without a warning."""
    new = tmp_path / "new"
    assert shown(kt("init", str(new), home=tmp_path)) == [
        str(new / "policy-config.yaml"),
        str(new / "tests/starter.yaml"),
    ]
    report = lint_document((tmp_path / "new" / "policy-config.yaml").read_text(encoding="utf-8"))
    assert (report.errors, report.warnings) == ((), ())


@pytest.mark.parametrize(
    "command",
    [("init", "{}/x"), ("dev", "--data-dir", "{}/x"), ("server", "migrate", "--data-dir", "{}/x"),
     ("gateway", "run", "--policy-config", "{}", "--spool-dir", "{}/x")],
)  # fmt: skip
def test_a_place_that_cannot_be_used(tmp_path: Path, command: tuple[str, ...]) -> None:
    """It is named, with the system's reason; nobody sees a traceback."""
    file = tmp_path / "policy-config.yaml"
    assert kt("init", str(tmp_path), home=tmp_path).exit_code == 0
    result = kt(*(part.format(file) for part in command), home=tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error[system_error]: `{file}/x")
    assert "cannot be used: " in result.stderr


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """What is there stays, and nothing else is written either; --force is the way."""
    mine = tmp_path / "policy-config.yaml"
    mine.write_text("mine", encoding="utf-8")
    result = kt("init", str(tmp_path), "--terraform", home=tmp_path)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["policy-config.yaml"]
    assert mine.read_text(encoding="utf-8") == "mine"
    assert kt("init", str(tmp_path), "--force", home=tmp_path).exit_code == 0
    assert mine.read_text(encoding="utf-8") != "mine"


def test_init_writes_the_layout_of_the_guide(tmp_path: Path) -> None:
    """A module, an environment each for dev, staging and production, and a template; every policy lints."""
    assert kt("init", str(tmp_path / "x"), "--terraform", home=tmp_path).exit_code == 0
    written = {path.relative_to(tmp_path / "x" / "terraform").as_posix() for path in (tmp_path / "x").rglob("*.*")
               if "terraform" in path.parts}  # fmt: skip
    assert {
        "modules/keeptrusts-stack/main.tf",
        "environments/dev/main.tf",
        "environments/staging/main.tf",
        "environments/production/main.tf",
        "environments/production/policies/production.yaml",
        "policies/base-policy.yaml.tpl",
    } <= written
    assert os.access(tmp_path / "x" / "terraform" / "drift.sh", os.X_OK)


def test_config_show_says_where_from(tmp_path: Path) -> None:
    """Every setting with its origin; of a key only its id."""
    said = kt("config", "show", "--json", home=tmp_path, KEEPTRUSTS_API_TOKEN="kt_key_0123_secret")
    rows = {row["setting"]: (row["value"], row["origin"]) for row in json.loads(said.stdout)}
    assert rows["api_url"] == ("http://127.0.0.1:8080", "default")
    assert rows["api_token"] == ("kt_key_0123_...", "environment KEEPTRUSTS_API_TOKEN")


def test_doctor_of_a_machine_with_nothing(tmp_path: Path) -> None:
    """Exit status 3; each check that fails says the next step, and none is left out."""
    result = kt("doctor", "--json", home=tmp_path, KEEPTRUSTS_API_URL="http://127.0.0.1:1")
    rows = {row["check"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 3
    assert set(rows) == {
        "control plane", "control plane ready", "version", "clock", "key", "terraform", "provider", "gateway port",
    }  # fmt: skip
    assert rows["control plane"]["state"] == "fails"
    assert rows["key"]["state"] == "skipped"
    assert rows["provider"]["next_step"] == "`kt terraform install`"
    assert all(row["next_step"] for row in rows.values() if row["state"] == "fails")


def test_doctor_looks_at_a_control_plane(tmp_path: Path) -> None:
    """Reachability, readiness, version, clock and key, each by itself."""
    with serve(Settings(data_dir=tmp_path), tmp_path) as plane:
        well = {row["check"]: row["state"] for row in json.loads(plane.kt("doctor", "--json").stdout)}
        keyless = plane.kt("doctor", "--json", env={"KEEPTRUSTS_API_TOKEN": "kt_key_a_b"})
        key = json.loads(
            plane.kt("token", "create", "--name", "brief", "--role", "viewer", "--expires-in", "1h", "--json").stdout
        )
        brief = plane.kt("doctor", "--json", env={"KEEPTRUSTS_API_TOKEN": key["key"]})
    for check_name in ("control plane", "control plane ready", "version", "clock", "key"):
        assert well[check_name] == "ok"
    assert keyless.exit_code == 3
    assert {row["check"]: row["state"] for row in json.loads(keyless.stdout)}["key"] == "fails"
    row = {row["check"]: row for row in json.loads(brief.stdout)}["key"]
    assert (row["state"], row["next_step"]) == ("warning", f"`kt token rotate {key['id']}`")


def test_doctor_tells_who_has_the_port() -> None:
    """A port that something else has is a failure; a free one is not."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = other.getsockname()
        assert [result.state for result in gateway_port(address)] == ["fails"]
    assert [result.state for result in gateway_port(address)] == ["ok"]


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    with urllib3.PoolManager(retries=False) as pool:
        return int(pool.request("POST", url, body=body, headers=headers).status)


def signed(body: bytes, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", moment, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}


BODY = b'{"type":"event.blocked","timestamp":"2030-01-31T08:00:00Z","data":{}}'
OTHER = "whsec_" + "B" * 43 + "="


@pytest.mark.parametrize(
    ("headers", "genuine"),
    [
        (lambda: signed(BODY), True),
        (lambda: signed(BODY, OTHER), False),
        (lambda: signed(BODY + b" "), False),
        (lambda: signed(BODY, at=datetime(2020, 1, 1, tzinfo=UTC)), False),
        (dict, False),
        (lambda: {**signed(BODY), "webhook-signature": "nonsense"}, False),
        (lambda: {**signed(BODY), "webhook-timestamp": "soon"}, False),
    ],
)
def test_only_the_holder_of_the_secret_is_believed(headers: Callable[[], dict[str, str]], genuine: bool) -> None:
    """Another secret, another body, another time, or none of it: not genuine, and never a crash."""
    assert (check(SECRET, headers(), BODY) == "") is genuine


def test_a_receiver_refuses_what_does_not_verify() -> None:
    """The sender sees 204 or 401, and a body without a length or of any size is not read."""
    with Receiver("127.0.0.1", 0, SECRET) as receiver:
        assert post(receiver.url, BODY, signed(BODY)) == 204
        assert post(receiver.url, BODY, signed(BODY, OTHER)) == 401
        assert post(receiver.url, b"", {"content-length": "99999999"}) == 413
        assert [receiver.letters.get(timeout=5).reason == "" for _ in range(2)] == [True, False]


def listening(send: Callable[[str], object], *arguments: str, home: Path) -> Result:
    """Run `kt webhook listen` on a free port, with somebody who sends to it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def keep_trying() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                send(f"http://127.0.0.1:{port}/")
            except urllib3.exceptions.HTTPError:
                time.sleep(0.02)
            else:
                return

    sender = threading.Thread(target=keep_trying)
    sender.start()
    result = kt("webhook", "listen", "--listen", f"127.0.0.1:{port}", *arguments, home=home,
                KEEPTRUSTS_WEBHOOK_SECRET=SECRET)  # fmt: skip
    sender.join()
    return result


def test_listen_writes_what_came(tmp_path: Path) -> None:
    """One line of JSON for each message; exit status 0."""
    result = listening(lambda url: post(url, BODY, signed(BODY)), "--count", "1", "--format", "json", home=tmp_path)
    (line,) = shown(result)
    row: dict[str, Any] = json.loads(line)
    assert (row["id"], row["type"], row["verified"], row["reason"]) == ("msg_1", "event.blocked", True, None)
    assert row["message"] == json.loads(BODY)


def test_listen_ends_with_three_on_a_wrong_signature(tmp_path: Path) -> None:
    """A forged message is shown as one, and scripts see it by the exit status."""
    result = listening(lambda url: post(url, BODY, signed(BODY, OTHER)), "--count", "1", home=tmp_path)
    assert result.exit_code == 3
    assert "WRONG SIGNATURE" in result.stdout
    assert "error[wrong_signature]" in result.stderr


def test_listen_that_hears_nothing_ends_with_one(tmp_path: Path) -> None:
    """The time is up before the messages that were wanted came."""
    result = kt("webhook", "listen", "--listen", "127.0.0.1:0", "--secret", SECRET, "--count", "1", "--timeout", "1s",
                home=tmp_path)  # fmt: skip
    assert result.exit_code == 1
    assert "0 of 1 messages came" in result.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--secret", SECRET, "--register"), ("--secret", SECRET, "--listen", "nowhere")]
)
def test_listen_needs_to_know_whom_to_believe(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Neither or both of --secret and --register is wrong usage, and so is an address that is none."""
    assert kt("webhook", "listen", *arguments, home=tmp_path).exit_code == 2


def test_listen_on_a_port_in_use(tmp_path: Path) -> None:
    """The reason, and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = kt("webhook", "listen", "--listen", address, "--secret", SECRET, home=tmp_path)
    assert result.exit_code == 1
    assert "choose another with `--listen`" in result.stderr


@pytest.mark.parametrize("secret", ["nonsense", "whsec_", "whsec_c2hvcnQ=", "whsec_!!"])
def test_listen_refuses_what_is_no_secret(tmp_path: Path, secret: str) -> None:
    """Before it listens, and without saying it again."""
    result = kt("webhook", "listen", "--listen", "127.0.0.1:0", home=tmp_path, KEEPTRUSTS_WEBHOOK_SECRET=secret)
    assert result.exit_code == 2
    assert "invalid_secret" in result.stderr
    assert "nonsense" not in result.stderr


def test_the_kinds_for_programs() -> None:
    """All of them, with what they do; `--json` is short for the format."""
    found = json.loads(run_kt("policy", "kinds", "--format", "json", env={}).stdout)
    assert {one["kind"] for one in found} == set(KINDS)
    assert json.loads(run_kt("policy", "kinds", "--json", env={}).stdout) == found
