"""`kt audit`, `kt events stats` and `kt export preview` against a control plane on a real port."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from keeptrusts.control.settings import Settings
from support.records import Instance
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane, a gateway, and five events of it: three allowed, two blocked."""
    home = tmp_path_factory.mktemp("lookups")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        gateway = told(running, "gateway", "create", "--name", "edge")
        token = told(running, "gateway", "token", "create", "edge")["token"]
        instance = Instance("gwi_edge")
        verdicts = ("allowed", "blocked", "allowed", "blocked", "allowed")
        events = [instance.decision(verdict, gateway_id=gateway["id"]) for verdict in verdicts]
        with urllib3.PoolManager(retries=False) as pool:
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            body = json.dumps({"events": events})
            assert pool.request("POST", f"{running.url}/v1/gateway/events", body=body, headers=headers).status == 200
        yield running


def told(plane: Served, *arguments: str) -> Any:
    """What a command answers as JSON."""
    return json.loads("\n".join(shown(plane.kt(*arguments, "--json"))))


def test_who_changed_what(plane: Served) -> None:
    """The newest first, as many as asked for, with a word on how to get the rest."""
    found = told(plane, "audit", "list", "--limit", "2")
    assert [entry["action"] for entry in found] == ["gateway_token.create", "gateway.create"]
    assert "`--limit` shows more" in plane.kt("audit", "list", "--limit", "1").stderr
    assert shown(plane.kt("audit-log", "list"))[0].startswith("AT ")


def test_the_audit_log_is_narrowed(plane: Served) -> None:
    """By action, type, object and actor, and by time; what nobody did is an empty list."""
    gateway = told(plane, "gateway", "show", "edge")["id"]
    found = told(plane, "audit", "list", "--object-id", gateway, "--object-type", "gateway")
    assert [entry["action"] for entry in found] == ["gateway.create"]
    assert told(plane, "audit", "list", "--action", "gateway.create", "--actor", found[0]["actor"]) == found
    assert told(plane, "audit", "list", "--since", "1h", "--action", "gateway.create") == found
    assert told(plane, "audit", "list", "--since", "2099-01-01T00:00:00Z") == []


def test_a_viewer_does_not_see_the_audit_log(plane: Served) -> None:
    """It ends with 4."""
    key = told(plane, "token", "create", "--name", "viewer", "--role", "viewer")["key"]
    assert plane.kt("audit", "list", env={"KEEPTRUSTS_API_TOKEN": key}).exit_code == 4


def test_decisions_are_counted(plane: Served) -> None:
    """By verdict, in the last day or since a moment; a table has shares, JSON what the API answers."""
    found = told(plane, "events", "stats")
    assert (found["total"], found["verdicts"]["allowed"], found["verdicts"]["blocked"]) == (5, 3, 2)
    said = plane.kt("events", "stats", "--gateway", "edge", "--since", "1h")
    assert ["blocked", "2", "40.0", "%"] in [line.split() for line in shown(said)]
    assert said.stderr.startswith("5 decisions from ")
    rows = list(csv.DictReader(io.StringIO(plane.kt("events", "stats", "--format", "csv").stdout)))
    assert {row["verdict"]: row["count"] for row in rows}["allowed"] == "3"


def test_counts_are_narrowed(plane: Served) -> None:
    """By any filter of events; one that there is not is refused before anything is asked."""
    assert told(plane, "events", "stats", "--filter", "verdict=blocked")["total"] == 2
    assert told(plane, "events", "stats", "--until", "2001-01-01T00:00:00Z")["total"] == 0
    wrong = plane.kt("events", "stats", "--filter", "colour=red")
    assert (wrong.exit_code, "`reason_code`" in wrong.stderr) == (2, True)


def test_an_export_is_looked_at_before_it_is_made(plane: Served) -> None:
    """The rows it would hold, oldest first, as many as asked for."""
    found = told(plane, "export", "preview", "--window", "1h", "--filter", "verdict=blocked")
    assert [row["verdict"] for row in found] == ["blocked", "blocked"]
    said = plane.kt("export", "preview", "--type", "audit-log", "--from", "1h", "--limit", "1")
    assert (len(shown(said)), "there are more" in said.stderr) == (2, True)


@pytest.mark.parametrize("given", [("--window", "1h", "--from", "2h"), ("--to", "1h")])
def test_a_preview_has_one_window(plane: Served, given: tuple[str, ...]) -> None:
    """As the export itself."""
    wrong = plane.kt("export", "preview", *given)
    assert (wrong.exit_code, "`--from` and `--to`" in wrong.stderr) == (2, True)
