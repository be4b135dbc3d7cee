"""Keys, in a browser: handing one out, replacing it, and taking it back."""

from __future__ import annotations

import urllib3
from playwright.sync_api import Page, expect

from keeptrusts.control import scopes
from support.console import Site

HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_key_is_handed_out_replaced_and_taken_back(console: Site) -> None:
    """Each secret is shown once and works; a revoked one is refused from then on."""
    visitor = console.signed_in()
    page = visitor.goes_to("keys")
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_label("Role").select_option("editor")
    page.get_by_label("configurations:read").check()
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Make the key").click()
    first = _secret(page)
    assert _whoami(console, first) == {"role": "editor", "scopes": ["configurations:read"]}
    page.get_by_role("link", name="Back to all keys").click()
    expect(page.get_by_role("row", name=HOSTILE)).to_contain_text("active")
    expect(page.get_by_text(first)).to_have_count(0)
    visitor.finds_no_barrier()
    page.get_by_role("link", name=f"Rotate {HOSTILE}").click()
    page.get_by_label("The old key").select_option("ends at once")
    page.get_by_role("button", name="Rotate").click()
    expect(page.get_by_text("ends at once")).to_be_visible()
    second = _secret(page)
    assert (_whoami(console, first), _whoami(console, second) is not None) == (None, True)
    page.get_by_role("link", name="Back to all keys").click()
    page.get_by_role("button", name=f"Revoke {HOSTILE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    expect(page.locator(":focus")).to_contain_text("is revoked")
    expect(page.get_by_role("row", name=HOSTILE).filter(has_text="revoked")).to_have_count(1)
    assert _whoami(console, second) is None


def test_scopes_are_those_of_the_role(console: Site) -> None:
    """For each role the boxes are what the control plane grants it, and no more."""
    page = console.signed_in().goes_to("keys/new")
    for role in ("viewer", "auditor", "editor", "admin"):
        page.get_by_label("Role").select_option(role)
        shown = page.get_by_role("group", name="Scopes").locator("label").all_inner_texts()
        assert [one.strip() for one in shown] == sorted(scopes.SCOPES_OF[role] - {scopes.IDENTITY})


def test_revoking_the_own_key_signs_out(console: Site) -> None:
    """The question says so; whoever says no is still there."""
    page = console.signed_in().goes_to("keys")
    for answer in ("Cancel", "Revoke"):
        page.get_by_role("button", name="Revoke first admin key").click()
        expect(page.get_by_role("dialog")).to_contain_text("signs you out")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name=answer).click()
    expect(page.get_by_role("heading", name="Sign in to Keeptrusts")).to_be_focused()


def _secret(page: Page) -> str:
    expect(page.get_by_role("button", name="Copy")).to_be_focused()
    return page.locator("code.copyable").first.inner_text()


def _whoami(console: Site, key: str) -> dict[str, object] | None:
    headers = {"Authorization": f"Bearer {key}"}
    answer = urllib3.request("GET", f"{console.served.url}/v1/whoami", headers=headers)
    if answer.status == 401:
        return None
    said = answer.json()
    return {"role": said["role"], "scopes": said["scopes"]}
