"""`kt` against a control plane on a real port: tokens, gateways, events, webhooks, settings."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.client import Client
from keeptrusts.control.settings import Settings
from support.control import POLICY
from support.records import Instance
from support.served import Served, run_kt, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these."""
    home = tmp_path_factory.mktemp("plane")
    with serve(Settings(data_dir=home, allow_insecure_webhooks=True, key_requests_per_minute=100_000), home) as running:
        yield running


def made(plane: Served, *arguments: str) -> dict[str, Any]:
    """What a command made, which says so as JSON."""
    return dict(json.loads("\n".join(shown(plane.kt(*arguments, "--json")))))


def send(url: str, token: str, events: list[dict[str, Any]]) -> None:
    """As a gateway does."""
    with urllib3.PoolManager(retries=False) as pool:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answer = pool.request("POST", f"{url}/v1/gateway/events", body=json.dumps({"events": events}), headers=headers)
        assert answer.status == 200, answer.data
        assert len(answer.json()["accepted"]) == len(events)


@pytest.fixture(scope="module")
def recorded(plane: Served) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A gateway and five events of it, oldest first."""
    gateway = made(plane, "gateway", "create", "--name", "recorded")
    token = made(plane, "gateway", "token", "create", "recorded")["token"]
    instance = Instance("gwi_recorded")
    verdicts = ("allowed", "blocked", "allowed", "blocked", "allowed")
    events = [instance.decision(verdict, gateway_id=gateway["id"]) for verdict in verdicts]
    send(plane.url, token, events)
    return gateway, events


def test_whoami_says_whose_key_it_is(plane: Served) -> None:
    """The key in use is named, in a table and as JSON."""
    assert any(re.fullmatch(r"role +admin", line) for line in shown(plane.kt("auth", "whoami")))
    assert made(plane, "auth", "whoami")["role"] == "admin"


@pytest.mark.parametrize(("token", "code"), [("kt_key_nobody_nothing", "invalid_api_key"), ("", "missing_api_key")])
def test_a_key_that_opens_nothing_ends_with_four(plane: Served, token: str, code: str) -> None:
    """Exit status 4, the variable by name, and nothing of the key itself."""
    result = plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": token or None})
    assert (result.exit_code, result.stdout) == (4, "")
    assert f"error[{code}]" in result.stderr
    assert "KEEPTRUSTS_API_TOKEN" in result.stderr
    assert "nothing" not in result.stderr


def test_a_key_that_may_not_ends_with_four(plane: Served) -> None:
    """A viewer who makes a gateway is told how to find out."""
    viewer = made(plane, "token", "create", "--name", "looks", "--role", "viewer")["key"]
    result = plane.kt("gateway", "create", "--name", "mine", env={"KEEPTRUSTS_API_TOKEN": viewer})
    assert result.exit_code == 4
    assert "kt auth whoami" in result.stderr


def test_a_key_from_a_file_wins_over_the_environment(plane: Served, tmp_path: Path) -> None:
    """`--api-token-file` is the flag of the key; `-` is stdin."""
    (tmp_path / "key").write_text(plane.token + "\n", encoding="utf-8")
    bad = {"KEEPTRUSTS_API_TOKEN": "kt_key_x_y"}
    assert plane.kt("auth", "whoami", "--api-token-file", str(tmp_path / "key"), env=bad).exit_code == 0
    assert plane.kt("auth", "whoami", "--api-token-file", "-", env=bad, stdin=plane.token).exit_code == 0


def test_a_control_plane_that_is_away_ends_with_one(tmp_path: Path) -> None:
    """Exit status 1, what failed, and the next step."""
    environment = {
        "KEEPTRUSTS_API_URL": "http://127.0.0.1:1",
        "KEEPTRUSTS_API_TOKEN": "kt_key_a_b",
        "HOME": str(tmp_path),
    }
    result = run_kt("auth", "whoami", env=environment)
    assert result.exit_code == 1
    assert "no connection could be made" in result.stderr
    assert "next: check `KEEPTRUSTS_API_URL`" in result.stderr


def test_a_token_lives_rotates_and_ends(plane: Served) -> None:
    """Created, used, listed without its secret, rotated, revoked, refused."""
    key = made(plane, "token", "create", "--name", "ci", "--role", "editor", "--expires-in", "90d")
    assert plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": key["key"]}).exit_code == 0
    listed = plane.kt("token", "list")
    assert key["id"] in listed.stdout
    assert key["key"] not in listed.stdout
    successor = made(plane, "token", "rotate", key["id"], "--overlap", "1h")
    assert successor["id"] != key["id"]
    assert plane.kt("token", "revoke", key["id"], stdin="n\n").exit_code == 1
    assert plane.kt("token", "revoke", key["id"], "--yes").exit_code == 0
    assert plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": key["key"]}).exit_code == 4
    assert plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": successor["key"]}).exit_code == 0


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "yaml"])
def test_a_list_in_every_format(plane: Served, form: str) -> None:
    """Each format holds the same key, and a csv is one."""
    said = plane.kt("token", "list", "--format", form)
    assert said.exit_code == 0
    assert "first admin key" in said.stdout
    if form == "csv":
        assert "first admin key" in {row["name"] for row in csv.DictReader(io.StringIO(said.stdout))}
    if form == "jsonl":
        assert all(json.loads(line)["id"].startswith("key_") for line in said.stdout.splitlines())


def test_a_gateway_is_found_by_name_and_by_id(plane: Served) -> None:
    """Both say the same; a configuration may be named too."""
    with Client(plane.url, plane.token) as client:
        draft: Any = {"name": "by-name", "policy_yaml": POLICY}
        configuration = client.configurations.create(draft)
    gateway = made(
        plane, "gateway", "create", "--name", "named", "--configuration", "by-name", "--label", "team=a=b"
    )  # fmt: skip
    assert (gateway["configuration_id"], gateway["labels"]) == (configuration["id"], {"team": "a=b"})
    assert made(plane, "gateway", "show", "named") == made(plane, "gateway", "show", gateway["id"])
    assert "never_seen" in plane.kt("gateway", "show", "named").stdout


def test_a_gateway_that_is_not_there(plane: Served) -> None:
    """Exit status 2, and the names that there are."""
    made(plane, "gateway", "create", "--name", "there")
    result = plane.kt("gateway", "show", "not-there")
    assert result.exit_code == 2
    assert "there is no gateway `not-there`" in result.stderr
    assert "`there`" in result.stderr


def test_a_gateway_token_is_a_gateway(plane: Served) -> None:
    """What is made for a gateway can be used as one."""
    gateway = made(plane, "gateway", "create", "--name", "with-token")
    token = made(plane, "gateway", "token", "create", "with-token", "--name", "blue", "--expires-in", "30d")
    assert token["gateway_id"] == gateway["id"]
    who = plane.kt("auth", "whoami", "--json", env={"KEEPTRUSTS_API_TOKEN": token["token"]})
    assert json.loads(who.stdout)["role"] == "gateway"


def test_tail_gives_an_array_newest_last(plane: Served, recorded: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """`kt events tail --limit N --format json` is what scripts read."""
    _, events = recorded
    found = json.loads(plane.kt("events", "tail", "--limit", "3", "--format", "json").stdout)
    assert [event["id"] for event in found] == [event["id"] for event in events[-3:]]
    assert {event["hash"] for event in found} == {event["hash"] for event in events[-3:]}


def test_tail_filters(plane: Served, recorded: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """By verdict, gateway and time; in a table and as lines."""
    _, events = recorded
    said = plane.kt(
        "events", "tail", "--verdict", "blocked", "--gateway", "recorded", "--since", "1h", "--format", "jsonl"
    )
    assert [json.loads(line)["id"] for line in shown(said)] == [events[1]["id"], events[3]["id"]]
    assert shown(plane.kt("events", "tail", "--since", "2099-01-01T00:00:00Z", "--json")) == ["[]"]
    head, *rows = shown(plane.kt("events", "tail", "--limit", "2", "--verdict", "allowed"))
    assert head.split()[:2] == ["TIMESTAMP", "VERDICT"]
    assert [row.split()[-1] for row in rows] == [events[2]["id"], events[4]["id"]]


def test_an_event_is_shown_whole(plane: Served, recorded: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """With the policies that judged it."""
    _, events = recorded
    event = made(plane, "events", "show", events[1]["id"])
    assert [policy["kind"] for policy in event["policies"]] == ["secret-scanner", "rbac"]
    assert plane.kt("events", "show", "evt_nothing").exit_code == 2


def test_why_is_told_to_programs(plane: Served, recorded: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """Line by line, without colours."""
    _, events = recorded
    told = made(plane, "events", "why", events[1]["id"])
    assert told["event_id"] == events[1]["id"]
    assert told["why"][0].startswith("blocked with status")


def test_a_person_is_erased(plane: Served) -> None:
    """After a question; nobody of that name is told, and is no fault."""
    made(plane, "gateway", "create", "--name", "erased")
    token = made(plane, "gateway", "token", "create", "erased")["token"]
    instance = Instance("gwi_erased")
    send(plane.url, token, [instance.decision(user_id=name) for name in ("alice", "bob", "alice")])
    asked = plane.kt("events", "erase", "--user-id", "alice", stdin="n\n")
    assert (asked.exit_code, "`alice`" in asked.stderr) == (1, True)
    assert made(plane, "events", "erase", "--user-id", "alice", "--yes")["erased_count"] == 2
    none = plane.kt("events", "erase", "--user-id", "alice", "--yes")
    assert (none.exit_code, "there was none" in none.stderr) == (0, True)


def test_follow_misses_and_repeats_nothing(plane: Served) -> None:
    """What is there comes first, then what is stored while it runs, each once."""
    made(plane, "gateway", "create", "--name", "followed")
    token = made(plane, "gateway", "token", "create", "followed")["token"]
    instance = Instance("gwi_followed")
    before, after = [instance.decision()], [instance.decision("blocked"), instance.decision()]
    send(plane.url, token, before)
    seen: list[str] = []
    with Client(plane.url, plane.token, stop=lambda: len(seen) >= 3) as client:
        query = {"gateway_id": made(plane, "gateway", "show", "followed")["id"]}

        def connected() -> None:
            seen.extend(event["id"] for event in client.events.page(query)["data"])
            threading.Thread(target=send, args=(plane.url, token, after)).start()

        for event in client.events.stream(query, connected=connected):
            seen.append(event["id"])
            if len(seen) == 3:
                break
    assert seen == [event["id"] for event in (*before, *after)]


def test_webhooks_are_made_tried_and_looked_at(plane: Served) -> None:
    """Created with a secret shown once, tested, and each delivery is listed."""
    hook = made(
        plane, "webhook", "create", "--url", "http://127.0.0.1:9/", "--event-type", "event.blocked", "--inactive"
    )  # fmt: skip
    assert hook["secret"].startswith("whsec_")
    listed = plane.kt("webhook", "list", "--json").stdout
    assert hook["id"] in listed
    assert hook["secret"] not in listed
    delivery = made(plane, "webhook", "test", hook["id"])
    assert delivery["event_type"] == "webhook.test"
    rows = json.loads(plane.kt("webhook", "deliveries", hook["id"], "--json").stdout)
    assert [row["id"] for row in rows] == [delivery["id"]]
    again = plane.kt("webhook", "redeliver", hook["id"], delivery["id"], "--json")
    assert json.loads(again.stdout)["id"] == delivery["id"]


def test_a_webhook_changes_and_goes(plane: Served) -> None:
    """Only what is named; the secret changes with an overlap; a deletion asks."""
    hook = made(
        plane, "webhook", "create", "--url", "http://127.0.0.1:9/", "--event-type", "event.blocked", "--inactive"
    )  # fmt: skip
    changed = made(plane, "webhook", "update", hook["id"], "--event-type", "event.*", "--description", "ours")
    assert (changed["event_types"], changed["description"], changed["active"]) == (["event.*"], "ours", False)
    cleared = made(plane, "webhook", "update", hook["id"], "--description", "", "--active")
    assert (cleared["description"], cleared["active"], cleared["url"]) == (None, True, hook["url"])
    assert plane.kt("webhook", "update", hook["id"]).exit_code == 2
    rotated = made(plane, "webhook", "rotate-secret", hook["id"])
    assert rotated["secret_version"] == hook["secret_version"] + 1
    assert rotated["secret"] != hook["secret"]
    own = plane.kt("webhook", "rotate-secret", hook["id"], "--stdin", "--json", stdin="whsec_" + "A" * 32)
    assert "secret" not in json.loads("\n".join(shown(own)))
    assert plane.kt("webhook", "delete", hook["id"], stdin="n\n").exit_code == 1
    assert plane.kt("webhook", "delete", hook["id"], "--yes").exit_code == 0
    assert hook["id"] not in plane.kt("webhook", "list", "--json").stdout


def test_a_key_is_kept_used_and_taken_away(plane: Served, tmp_path: Path) -> None:
    """`kt auth login` tries it first and keeps it for its owner alone; `logout --revoke` ends it."""
    path = tmp_path / ".config" / "keeptrusts" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[profiles.other]\napi_url = "http://127.0.0.1:1"\n', encoding="utf-8")
    here: dict[str, str | None] = {
        "KEEPTRUSTS_API_URL": plane.url,
        "KEEPTRUSTS_API_TOKEN": None,
        "HOME": str(tmp_path),
    }
    assert plane.kt("auth", "login", env=here, stdin="kt_key_nobody_nothing\n").exit_code == 4
    assert plane.kt("auth", "login", env=here, stdin="").exit_code == 2
    key = made(plane, "token", "create", "--name", "mine", "--role", "admin")["key"]
    login = plane.kt("auth", "login", "--json", env=here, stdin=f"{key}\n")
    assert json.loads("\n".join(shown(login)))["name"] == "mine"
    assert key not in login.stdout + login.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    here["KEEPTRUSTS_API_URL"] = None
    assert made_as(plane, here, "auth", "whoami")["name"] == "mine"
    assert "127.0.0.1:1" in plane.kt("config", "show", "--profile", "other", env=here).stdout
    assert plane.kt("auth", "logout", "--revoke", env=here).exit_code == 0
    assert plane.kt("auth", "whoami", env={"KEEPTRUSTS_API_TOKEN": key}).exit_code == 4
    assert plane.kt("auth", "logout", env=here).exit_code == 2


def made_as(plane: Served, env: dict[str, str | None], *arguments: str) -> dict[str, Any]:
    return dict(json.loads("\n".join(shown(plane.kt(*arguments, "--json", env=env)))))


def test_events_are_exported_in_one_go(
    plane: Served, recorded: tuple[dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The archive is there when the command ends, with its manifest, and holds what was asked for."""
    gateway, events = recorded
    archive = tmp_path / "events.jsonl"
    done = plane.kt(
        "events", "export", "--format", "jsonl", "--window", "30d", "--filter", f"gateway_id={gateway['id']}",
        "--output", str(archive), "--manifest",
    )  # fmt: skip
    assert shown(done) == [str(archive)]
    assert {json.loads(line)["id"] for line in archive.read_text().splitlines()} == {one["id"] for one in events}
    assert plane.kt("events", "verify", str(archive)).exit_code == 0
    (tmp_path / "events.jsonl.manifest.json").unlink()
    bare = plane.kt("events", "verify", str(archive))
    assert (bare.exit_code, f"{len(events)} records; without a manifest" in bare.stderr) == (0, True)


@pytest.mark.parametrize(
    "text", ["id,verdict\n", '{"class_uid": 6003, "time": 1}\n', '{"id": "aud_1", "action": "x"}\n']
)
def test_what_is_no_archive_of_events_is_not_called_tampered_with(tmp_path: Path, text: str) -> None:
    """An archive in another form, or of something else, is a wrong input and no finding."""
    (tmp_path / "other").write_text(text)
    done = run_kt("events", "verify", str(tmp_path / "other"), env={})
    assert (done.exit_code, done.stderr.startswith("error[unreadable]")) == (2, True)


def test_an_unknown_event_type_is_shown_with_its_place(plane: Served) -> None:
    """What the control plane finds wrong is told item by item; exit status 2."""
    result = plane.kt("webhook", "create", "--url", "https://example.com/", "--event-type", "event.bloked")
    assert result.exit_code == 2
    assert "event_types" in result.stderr


def test_listen_registers_receives_and_leaves_nothing(plane: Served) -> None:
    """A message that comes is verified; the temporary webhook is gone afterwards."""
    name = f"hook-{id(plane)}"
    threading.Timer(0.5, lambda: made(plane, "gateway", "create", "--name", name)).start()
    result = plane.kt(
        "webhook", "listen", "--register", "--listen", "127.0.0.1:0", "--event-type", "gateway.created",
        "--count", "1", "--timeout", "30s", "--format", "json",
    )  # fmt: skip
    (line,) = shown(result)
    row = json.loads(line)
    assert (row["type"], row["verified"], row["message"]["data"]["name"]) == ("gateway.created", True, name)
    descriptions = [hook["description"] for hook in json.loads(plane.kt("webhook", "list", "--json").stdout)]
    assert not [text for text in descriptions if text and text.startswith("kt webhook listen")]
