"""`kt config` against a control plane on a real port: documents are stored, shown, compared, taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.client import Client
from keeptrusts.control.settings import Settings
from support.control import OTHER_POLICY as STRICTER
from support.control import POLICY
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these."""
    home = tmp_path_factory.mktemp("plane")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy document."""
    path = tmp_path / "policy-config.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def told(plane: Served, *arguments: str) -> Any:
    return json.loads("\n".join(shown(plane.kt("config", *arguments, "--json"))))


def test_push_makes_a_configuration_and_then_its_versions(plane: Served, file: Path) -> None:
    """A new name is a new configuration, a new meaning its next version, another spelling nothing."""
    first = plane.kt("config", "push", "--file", str(file), "--name", "pushed", "--json")
    assert "made" in first.stderr
    made = json.loads(first.stdout)
    assert (made["name"], made["version"], made["managed_by"]) == ("pushed", 1, "cli")
    same = plane.kt("config", "push", "--file", "-", "--name", "pushed", "--json", stdin="# again\n" + POLICY)
    assert json.loads(same.stdout)["version"] == 1
    assert "means what the current version means" in same.stderr
    file.write_text(STRICTER, encoding="utf-8")
    second = plane.kt("config", "push", "--file", str(file), "--name", "pushed", "--message", "stricter", "--json")
    assert json.loads(second.stdout)["version"] == 2
    assert [(one["version"], one["message"]) for one in told(plane, "versions", "pushed")] == [
        (2, "stricter"),
        (1, None),
    ]
    assert "pushed" in [one["name"] for one in told(plane, "list")]


def test_push_takes_the_name_of_the_pack(plane: Served, file: Path) -> None:
    """Where none is given."""
    made = told(plane, "push", "--file", str(file))
    assert made["name"] in POLICY
    assert told(plane, "show", made["name"])["id"] == made["id"]


def test_push_of_what_does_not_lint(plane: Served, file: Path) -> None:
    """Nothing is sent, and the next step is named."""
    file.write_text("pack: 1\n", encoding="utf-8")
    failed = plane.kt("config", "push", "--file", str(file), "--name", "never")
    assert failed.exit_code == 2
    assert "kt policy lint" in failed.stderr
    assert plane.kt("config", "show", "never").exit_code == 2


def test_the_document_comes_back_as_it_was_written(plane: Served, file: Path) -> None:
    """Byte for byte, of any version."""
    plane.kt("config", "push", "--file", str(file), "--name", "kept")
    file.write_text(STRICTER, encoding="utf-8")
    plane.kt("config", "push", "--file", str(file), "--name", "kept")
    assert plane.kt("config", "show", "kept", "--policy").stdout == STRICTER
    assert plane.kt("config", "show", "kept", "--version", "1", "--policy").stdout == POLICY
    assert plane.kt("config", "show", "--policy").exit_code == 2


def test_versions_compared_and_taken_back(plane: Served, file: Path) -> None:
    """`diff` says by its status whether they differ; `rollback` asks, and makes a new version."""
    plane.kt("config", "push", "--file", str(file), "--name", "back")
    assert plane.kt("config", "diff", "back").exit_code == 2
    file.write_text(STRICTER, encoding="utf-8")
    plane.kt("config", "push", "--file", str(file), "--name", "back")
    differ = plane.kt("config", "diff", "back")
    assert differ.exit_code == 3
    assert "pack.version" in differ.stdout
    assert plane.kt("config", "diff", "back", "--from", "1", "--to", "1").exit_code == 0
    assert plane.kt("config", "rollback", "back", "--version", "1", stdin="n\n").exit_code == 1
    assert told(plane, "show", "back")["version"] == 2
    done = told(plane, "rollback", "back", "--version", "1", "--yes")
    assert (done["version"], "policy_yaml" in done) == (3, False)
    assert plane.kt("config", "diff", "back", "--from", "1", "--to", "3").exit_code == 0


def test_what_terraform_manages_is_said(plane: Served, file: Path) -> None:
    """A change from here is drift there."""
    made = told(plane, "push", "--file", str(file), "--name", "declared")
    with Client(plane.url, plane.token) as client:
        client.configurations.update(made["id"], {"managed_by": "terraform"})
    file.write_text(STRICTER, encoding="utf-8")
    done = plane.kt("config", "push", "--file", str(file), "--name", "declared")
    assert "Terraform manages `declared`" in done.stderr


def test_a_file_is_compared_with_what_is_stored(plane: Served, file: Path) -> None:
    """With the current version, or the one that is named; before anything is stored."""
    plane.kt("config", "push", "--file", str(file), "--name", "compared")
    assert plane.kt("config", "diff", "compared", "--file", str(file)).exit_code == 0
    changed = plane.kt("config", "diff", "compared", "--file", "-", "--json", stdin=STRICTER)
    assert (changed.exit_code, bool(json.loads(changed.stdout)["changes"])) == (3, True)
    plane.kt("config", "push", "--file", "-", "--name", "compared", stdin=STRICTER)
    assert plane.kt("config", "diff", "compared", "--file", str(file), "--from", "1").exit_code == 0
    assert plane.kt("config", "diff", "compared", "--file", str(file), "--to", "1").exit_code == 2
    assert plane.kt("config", "diff", "compared", "--file", "-", stdin="pack: 1\n").exit_code == 2


def test_what_is_around_the_document_changes(plane: Served, file: Path) -> None:
    """Name, description and labels, without a new version; an empty text clears."""
    made = told(plane, "push", "--file", str(file), "--name", "around")
    after = told(plane, "update", "around", "--description", "ours", "--label", "team=a", "--label", "tier=1")
    assert (after["description"], after["labels"], after["version"]) == ("ours", {"team": "a", "tier": "1"}, 1)
    after = told(plane, "update", "around", "--description", "", "--no-labels", "--name", "renamed-around")
    assert (after["id"], after["name"], after["description"], after["labels"]) == (
        made["id"], "renamed-around", None, {},
    )  # fmt: skip
    assert plane.kt("config", "update", "renamed-around").exit_code == 2
    assert plane.kt("config", "update", "renamed-around", "--label", "a=b", "--no-labels").exit_code == 2


def test_a_configuration_is_deleted(plane: Served, file: Path) -> None:
    """Only when it is meant, and no gateway uses it."""
    told(plane, "push", "--file", str(file), "--name", "doomed")
    assert plane.kt("gateway", "create", "--name", "user", "--configuration", "doomed").exit_code == 0
    used = plane.kt("config", "delete", "doomed", "--yes")
    assert (used.exit_code, "error[in_use]" in used.stderr) == (2, True)
    assert plane.kt("gateway", "delete", "user", "--yes").exit_code == 0
    assert plane.kt("config", "delete", "doomed", stdin="n\n").exit_code == 1
    assert plane.kt("config", "delete", "doomed", "--yes").exit_code == 0
    gone = plane.kt("config", "show", "doomed")
    assert gone.exit_code == 2


def test_a_document_is_tried_on_what_was_decided(plane: Served, file: Path) -> None:
    """Exit status 0 and the digests when nothing was recorded; a document that is not valid is not sent."""
    told(plane, "push", "--file", str(file), "--name", "tried")
    found = told(plane, "simulate", "tried", "--file", str(file), "--window", "7d")
    assert (found["events"], found["base_digest"]) == (0, found["candidate_digest"])
    table = plane.kt("config", "simulate", "tried", "--file", str(file))
    assert (table.exit_code, "0 of 0 decisions judged again" in table.stderr) == (0, True)
    assert plane.kt("config", "simulate", "tried", "--file", "-", stdin="pack: 1\n").exit_code == 2
    assert plane.kt("config", "simulate", "tried", "--file", str(file), "--window", "soon").exit_code == 2
