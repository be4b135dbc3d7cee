"""The audit log in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from support.console import Site

MORE_THAN_A_PAGE = 51


def test_the_log_tells_who_changed_what(console: Site) -> None:
    """By name where it may be seen; both digests of a change; filtered by a click, and exported as filtered."""
    key = console.ask("POST", "/v1/tokens", {"name": "<img src=x onerror=alert(1)>", "role": "viewer"})
    console.ask("DELETE", f"/v1/tokens/{key['id']}")
    console.ask("POST", "/v1/config-variables", {"name": "OPENAI_KEY", "value": "not shown"})
    visitor = console.signed_in()
    page = visitor.goes_to("audit-log")
    revoked = page.get_by_role("row").filter(has_text="token.revoke")
    expect(revoked).to_contain_text("first admin key")
    expect(revoked).to_contain_text("127.0.0.1")
    (entry,) = _entries(console, "token.revoke")
    revoked.locator("summary").press("Enter")
    expect(revoked.get_by_text(entry["before_digest"])).to_be_visible()
    expect(revoked.get_by_text(entry["after_digest"])).to_be_visible()
    expect(revoked.get_by_text(entry["request_id"])).to_be_visible()
    visitor.finds_no_barrier()
    page.get_by_role("link", name="variable.create").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_label("Action")).to_have_value("variable.create")
    expect(page.locator("tbody")).to_contain_text("none → ")
    page.get_by_label("Type of object").fill("gateway")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No entry is like this")).to_be_visible()
    page.get_by_role("link", name="Export these").click()
    expect(page.get_by_label("What")).to_have_value("audit-log")
    expect(page.get_by_label("Action")).to_have_value("variable.create")


def test_older_entries_are_asked_for(console: Site) -> None:
    """An auditor, who sees no names of keys, reads on to the first entry of all."""
    for number in range(MORE_THAN_A_PAGE):
        console.ask("POST", "/v1/config-variables", {"name": f"KEY_{number}", "value": "not shown"})
    page = console.signed_in("auditor").goes_to("audit-log?action=variable.create")
    expect(page.get_by_role("row")).to_have_count(MORE_THAN_A_PAGE)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("row")).to_have_count(MORE_THAN_A_PAGE + 1)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def _entries(console: Site, action: str) -> list[dict[str, str]]:
    found = console.ask("GET", f"/v1/audit-log?action={action}")["data"]
    assert isinstance(found, list)
    return found
