"""ARCHITECTURE.md and the import contract are the same list, and the folders are where it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def contract() -> list[set[str]]:
    """The layers of the import contract, highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [{name.strip() for name in layer.split("|")} for layer in layers]


def drawn() -> list[set[str]]:
    """The layers as ARCHITECTURE.md draws them."""
    found = re.search(r"```text layers\n(.*?)```", TEXT, re.DOTALL)
    assert found, "ARCHITECTURE.md has no block `text layers`"
    return [{name.strip() for name in line.split("|")} for line in found[1].splitlines()]


def test_the_drawn_layers_are_the_contract() -> None:
    """The list a person reads is the list that is enforced."""
    assert drawn() == contract()


def test_every_folder_has_its_line() -> None:
    """Each package of the source is described in the table of folders."""
    folders = {path.name for path in (ROOT / "src" / "keeptrusts").iterdir() if (path / "__init__.py").exists()}
    described = set(re.findall(r"^\| `(\w+)/` \|", TEXT, re.MULTILINE))
    assert described == folders


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", *map(str, sorted(
    path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")))])  # fmt: skip
def test_every_link_leads_somewhere(document: str) -> None:
    """A link to a file of this repository is to one that exists."""
    page = ROOT / document
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    """docs/decisions/README.md lists each record once, under its own number and title."""
    folder = ROOT / "docs" / "decisions"
    records = {path.name for path in folder.glob("[0-9]*.md")}
    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(records)
