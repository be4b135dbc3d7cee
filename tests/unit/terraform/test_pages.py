"""The reference pages of the provider are those that its schemas make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from keeptrusts.api.webhooks import EVENT_TYPES
from keeptrusts.terraform.pages import pages
from keeptrusts.terraform.provider import DATA_SOURCES, EPHEMERALS, RESOURCES, ProviderConfig, load_type
from keeptrusts.terraform.schema import attributes_of

FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "terraform"
PAGES = pages()
STATES = {"index.md": ProviderConfig} | {
    f"{folder}/{name.removeprefix('keeptrusts_')}.md": load_type(types, name).state
    for folder, types in (("resources", RESOURCES), ("data-sources", DATA_SOURCES), ("ephemeral-resources", EPHEMERALS))
    for name in types
}


def test_the_folder_holds_these_pages_and_no_other() -> None:
    """`make docs` was run after the last change of a schema."""
    there = {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.md")}
    assert there == PAGES


@pytest.mark.parametrize("name", STATES)
def test_every_attribute_has_its_line(name: str) -> None:
    """Each attribute, and each inside another, is told once, in the section where Terraform has it."""
    outer = attributes_of(STATES[name])
    wanted = [*outer, *(inner for one in outer.values() if one.inner for inner in attributes_of(one.inner))]
    told = re.findall(r"^- `(\w+)` \(", PAGES[name], re.MULTILINE)
    assert sorted(told) == sorted(wanted)
    sections = re.split(r"^### (.*)$", PAGES[name], flags=re.MULTILINE)
    required = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Required", "")
    assert re.findall(r"^- `(\w+)`", required, re.MULTILINE) == [key for key, one in outer.items() if one.attr.required]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_of_the_registrys_form(name: str) -> None:
    """Front matter with a title and a description on one line, then one heading of the first rank."""
    head, front, body = PAGES[name].split("---\n", 2)
    assert head == ""
    assert re.fullmatch(r'page_title: "[^"]+"\nsubcategory: ""\ndescription: \|-\n  [^\n]+\n', front)
    assert len(re.findall(r"^# ", re.sub(r"```.*?```", "", body, flags=re.DOTALL), re.MULTILINE)) == 1
    assert "## Example Usage\n\n```terraform\n" in body
    assert ("## Import" in body) == name.startswith("resources/")


def test_what_is_secret_is_marked() -> None:
    """Sensitive and write-only attributes say so."""
    page = PAGES["resources/webhook.md"]
    assert "- `secret` (String, Sensitive) " in page
    assert "- `secret_wo` (String, Sensitive, [Write-only](" in page
    assert "- `api_key` (String, Sensitive) " in PAGES["index.md"]


def test_the_event_types_are_on_the_page_that_errors_point_to() -> None:
    """All of them."""
    assert [one for one in EVENT_TYPES if f"- `{one}`\n" not in PAGES["resources/webhook.md"]] == []
