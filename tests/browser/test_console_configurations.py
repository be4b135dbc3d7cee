"""Configurations in the console: found, read, compared, put back, written."""

from __future__ import annotations

import re
from typing import Any, cast

from playwright.sync_api import Locator, Page, expect

from support.console import Site
from support.control import POLICY
from support.records import Instance

HOSTILE = "<img src=x onerror=alert(1)>"
FULL = POLICY.replace("audit-logger: {}", "audit-logger: {content: full}")
CANDIDATE = FULL.replace("    - token-limit\n", "    - pii-detector\n").replace(
    "  token-limit:\n    max_tokens: 1000\n", "  pii-detector: {action: block}\n"
)


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
    _runs(console, gateway["id"], made["content_digest"])
    page.reload()
    expect(page.get_by_role("row", name="edge")).to_contain_text("yes 1 of 1 instances")
    _delete(page)
    expect(page.get_by_role("alert")).to_contain_text("gateways use it: `edge`")
    console.ask("DELETE", f"/v1/gateways/{gateway['id']}")
    _delete(page)
    expect(page.get_by_role("status")).to_contain_text("was deleted")
    expect(page.get_by_role("link", name=HOSTILE)).to_have_count(0)


def _runs(console: Site, gateway: object, digest: str) -> None:
    status = {"instance_id": "gwi_1", "version": "1.0.0", "active_digest": digest, "epoch": 1, "gateway_id": gateway}
    console.ask("POST", "/v1/gateway/status", status)


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
    expect(page.get_by_role("button", name="Roll back to version 1")).to_be_visible()
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
    banner.get_by_role("button", name="Revert").click()
    expect(dialog).to_contain_text("Version 3 is the last that another key wrote")
    dialog.get_by_role("button", name="Cancel").click()
    banner.get_by_role("button", name="Adopt").click()
    dialog.get_by_role("button", name="Adopt it").click()
    expect(page.get_by_role("status")).to_have_text("The console manages it now.")
    expect(banner).to_have_count(0)
    viewer = console.signed_in("viewer").goes_to(f"configurations/{made['id']}")
    expect(viewer.get_by_role("link", name="Version 4")).to_be_visible()
    expect(viewer.get_by_role("button", name=re.compile("Roll back|Delete|Adopt"))).to_have_count(0)


def test_one_is_made_and_edited(console: Site) -> None:
    """Findings lead to their lines; Tab indents and, after Escape, leaves; what it would change is said before."""
    visitor = console.signed_in("editor")
    page = visitor.goes_to("configurations/new")
    document, findings = page.get_by_role("textbox", name="Document"), page.get_by_role("region", name="Findings")
    expect(findings.get_by_role("status")).to_have_text("It lints.")
    page.get_by_label("Name").fill("fresh")
    page.get_by_label("Labels").fill("team=risk")
    document.fill(FULL + f'  "{HOSTILE}": 1\n')
    finding = findings.get_by_role("button", name=re.compile("Error E001, line 17"))
    expect(finding).to_contain_text(HOSTILE)
    visitor.finds_no_barrier()
    finding.click()
    expect(document).to_be_focused()
    assert HOSTILE in document.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    document.fill(FULL)
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="fresh")).to_be_focused()
    expect(page.locator("dl")).to_contain_text("Console")
    made = cast("list[dict[str, Any]]", console.ask("GET", "/v1/configurations")["data"])[0]
    _record(console, made["id"], "hello", "write to ada@acme.io today")
    page.get_by_role("link", name="Edit").click()
    _indents(document)
    document.fill(CANDIDATE)
    changes = page.get_by_role("region", name="What it would change")
    expect(changes.get_by_role("row", name=re.compile("added: pii-detector"))).to_contain_text("strengthens")
    page.get_by_role("button", name="Judge it again").click()
    expect(page.get_by_text("1 would be blocked")).to_be_visible()
    visitor.finds_no_barrier()
    page.get_by_label("Message").fill("addresses are refused")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 2 is saved.")).to_be_visible()
    expect(page.get_by_role("row", name="Version 2")).to_contain_text("addresses are refused")
    _renames(page)
    page.get_by_role("link", name="Copy").click()
    expect(document).to_have_value(CANDIDATE)


def test_nothing_typed_is_lost(console: Site) -> None:
    """A faster one is shown beside it; leaving asks; whoever has to sign in again finds it; only meaning is stored."""
    made = _make(console, "production", managed_by="terraform")
    visitor = console.signed_in()
    page = visitor.goes_to(f"configurations/{made['id']}/edit")
    document, save = (
        page.get_by_role("textbox", name="Document"),
        page.get_by_role("button", name="Save as the next version"),
    )
    document.fill(POLICY + "# more\n")
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("no version was made")
    mine = POLICY.replace("1000", "500")
    document.fill(mine)
    _version(console, made, 2000, "somebody else")
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.context.clear_cookies()
    document.fill(mine)  # what is typed is looked at, and that needs a session
    page.get_by_label("API key").fill(console.served.token)
    page.keyboard.press("Enter")
    expect(page.get_by_text("is here again")).to_be_visible()
    expect(document).to_have_value(mine)
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed it while you were typing: version 2")
    page.get_by_role("button", name="Look at the difference").click()
    expect(page.locator(".difference .removed")).to_have_text("-    max_tokens: 2000")
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Save over version 2").click()
    expect(page.get_by_text("Version 3 is saved.")).to_be_visible()
    expect(page.get_by_role("region", name="Terraform manages this configuration")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    expect(document).to_have_value(mine)
    document.fill("")
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()
    page.goto(f"{console.served.url}/#/configurations/{made['id']}/edit")
    expect(document).to_have_value(mine)


def _indents(document: Locator) -> None:
    """Tab does, Shift and Tab take it back; nobody is trapped."""
    document.focus()
    document.press("Control+End")
    document.press("Tab")
    expect(document).to_have_value(FULL + "  ")
    document.press("Shift+Tab")
    expect(document).to_have_value(FULL)
    document.press("Escape")
    document.press("Tab")
    expect(document).not_to_be_focused()


def _renames(page: Page) -> None:
    """What a configuration is called, without another version."""
    page.get_by_role("link", name="Name and labels").click()
    page.get_by_label("Labels").fill("team")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_contain_text("key=value")
    page.get_by_label("Labels").fill("team=risk\nrow=a=b")
    page.get_by_label("Name").fill("renamed")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("heading", name="renamed")).to_be_visible()
    expect(page.get_by_text("row=a=b")).to_be_visible()
    expect(page.get_by_role("row", name="Version 3")).to_have_count(0)


def _record(console: Site, configuration: str, *texts: str) -> None:
    instance = Instance()
    events = [instance.decision(configuration_id=configuration, content=_said(text)) for text in texts]
    console.ask("POST", "/v1/gateway/events", {"events": events})


def _said(text: str) -> dict[str, Any]:
    return {
        "request": [{"text": text, "role": "user", "part": "content"}],
        "answer": [{"text": "fine", "role": "assistant", "part": "content"}],
    }


def test_more_of_them_are_shown(console: Site) -> None:
    """A page at a time, until there are no more."""
    for number in range(51):
        _make(console, f"policy-{number}")
    page = console.signed_in("viewer").goes_to("configurations")
    rows = page.get_by_role("table", name="Configurations").locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(rows).to_have_count(51)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
