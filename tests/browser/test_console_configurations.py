"""Configurations in the console: found, read, compared, put back, written."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from support.console import Site
from support.control import POLICY

HOSTILE = "<img src=x onerror=alert(1)>"


def _make(console: Site, name: str, **changed: object) -> dict[str, Any]:
    return console.ask("POST", "/v1/configurations", {"name": name, "policy_yaml": POLICY, **changed})


def _version(console: Site, made: dict[str, Any], tokens: int, message: str) -> None:
    text = POLICY.replace("1000", str(tokens))
    console.ask("PATCH", f"/v1/configurations/{made['id']}", {"policy_yaml": text, "message": message})


def test_a_configuration_is_found_read_and_deleted(console: Site) -> None:
    """The list grows and is filtered; one says who runs it; what is deleted, after a question, is gone."""
    for number in range(51):
        _make(console, f"team-{number}")
    made = _make(console, HOSTILE, labels={"team": HOSTILE}, description=HOSTILE)
    gateway = console.ask("POST", "/v1/gateways", {"name": "edge", "configuration_id": made["id"]})
    visitor = console.signed_in()
    page = visitor.goes_to("configurations")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("tbody tr")).to_have_count(52)
    page.get_by_label("Part of the name").fill("ONERROR")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    visitor.finds_no_barrier()
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_focused()
    expect(page.get_by_role("row", name="edge")).to_contain_text("no instance was heard of")
    expect(page.get_by_role("region", name="The document of version 1").locator(".line").first).to_have_text("pack:")
    visitor.finds_no_barrier()
    _delete(page)
    expect(page.get_by_role("alert")).to_contain_text("gateways use it: `edge`")
    console.ask("DELETE", f"/v1/gateways/{gateway['id']}")
    _delete(page)
    expect(page.get_by_role("status")).to_contain_text("was deleted")
    expect(page.get_by_role("link", name=HOSTILE)).to_have_count(0)


def _delete(page: Page) -> None:
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
