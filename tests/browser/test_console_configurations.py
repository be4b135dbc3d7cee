"""Configurations in the console: found, read, compared, put back, written."""

from __future__ import annotations

import re
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


def test_versions_are_compared_and_put_back(console: Site) -> None:
    """By lines and by meaning; a roll back says first what it becomes; Terraform's is adopted or reverted."""
    made = _make(console, "production", managed_by="terraform")
    _version(console, made, 2000, "longer answers")
    editor = console.signed_in("editor")
    page = editor.goes_to(f"configurations/{made['id']}")
    banner = page.get_by_role("region", name="Terraform manages this configuration")
    expect(banner).to_contain_text("A change made here is drift")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="From version 1 to version 2")).to_be_focused()
    expect(page.get_by_role("row", name="policy.token-limit.max_tokens")).to_contain_text("weakens")
    expect(page.locator(".difference .removed")).to_have_text("-    max_tokens: 1000")
    expect(page.locator(".difference .added")).to_have_text("+    max_tokens: 2000")
    editor.finds_no_barrier()
    page.goto(f"{console.served.url}/#/configurations/{made['id']}/versions/2")
    expect(page.get_by_text("longer answers")).to_be_visible()
    page.goto(f"{console.served.url}/#/configurations/{made['id']}")
    _version(console, made, 3000, "somebody else")
    page.get_by_role("button", name="Roll back to version 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Its document becomes version 3")
    expect(dialog).to_contain_text("By meaning: strengthens 1.")
    dialog.get_by_role("button", name="Back to version 1").click()
    expect(page.get_by_role("alert")).to_contain_text("it was changed since you read it")
    page.reload()
    banner.get_by_role("button", name="Revert").click()
    dialog.get_by_role("button", name="Back to version 2").click()
    expect(page.get_by_role("status")).to_have_text("Version 2 is current again, as version 4.")
    editor.finds_no_barrier()
    banner.get_by_role("button", name="Adopt").click()
    dialog.get_by_role("button", name="Adopt it").click()
    expect(page.get_by_role("status")).to_have_text("The console manages it now.")
    expect(banner).to_have_count(0)
    viewer = console.signed_in("viewer").goes_to(f"configurations/{made['id']}")
    expect(viewer.get_by_role("link", name="Version 4")).to_be_visible()
    expect(viewer.get_by_role("button", name=re.compile("Roll back|Delete|Adopt"))).to_have_count(0)
