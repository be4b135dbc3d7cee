"""How one comes in, what a role sees, and that the frame has no barrier."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from support.console import Site


def test_a_link_signs_in_once(console: Site) -> None:
    """The printed link of a new database; the second who comes with it is told what to do."""
    link = f"{console.served.url}/#/welcome/{console.served.code}"
    first, second = console.visitor().page, console.visitor().page
    first.goto(link)
    first.get_by_role("button", name="Sign in").click()
    expect(first.get_by_role("heading", name="Overview")).to_be_focused()
    assert console.served.code not in first.url
    second.goto(link)
    second.get_by_role("button", name="Sign in").click()
    expect(second.get_by_role("alert")).to_contain_text("sign in with an API key")


def test_a_key_signs_in_and_out(console: Site) -> None:
    """A wrong one is refused in words; after signing out the page is closed, also when it is loaded again."""
    page = console.visitor().page
    page.goto(console.served.url)
    page.get_by_label("API key").fill("kt_key_nonsense")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not an API key of Keeptrusts")
    page.get_by_label("API key").fill(console.served.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_focused()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Keeptrusts")).to_be_focused()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in to Keeptrusts")).to_be_visible()


def test_the_session_ends_with_its_key(console: Site) -> None:
    """Whoever had their key revoked is asked to sign in at their next step."""
    visitor = console.signed_in("viewer")
    page = visitor.goes_to("overview")
    key = next(one for one in _keys(console) if one["name"] == "the viewer")
    console.ask("DELETE", f"/v1/tokens/{key['id']}")
    page.goto(f"{console.served.url}/#/nowhere")
    page.goto(f"{console.served.url}/#/overview")
    expect(page.get_by_role("heading", name="Sign in to Keeptrusts")).to_be_focused()


def test_the_frame_has_no_barrier(console: Site) -> None:
    """Signed in and not; the keyboard gets past the navigation with one key."""
    stranger = console.visitor()
    stranger.page.goto(console.served.url)
    expect(stranger.page.locator("h1")).to_be_focused()
    stranger.finds_no_barrier()
    visitor = console.signed_in()
    page = visitor.goes_to("overview")
    visitor.finds_no_barrier()
    page.locator("body").press("Tab")
    page.get_by_role("link", name="To the content").press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page).to_have_title(re.compile("Overview"))


def test_nothing_is_asked_of_others(console: Site) -> None:
    """Every request of the page goes to the control plane."""
    visitor = console.signed_in()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.goes_to("overview")
    elsewhere = [url for url in asked if not url.startswith((console.served.url, "about:"))]
    assert asked
    assert elsewhere == []


def _keys(console: Site) -> list[dict[str, str]]:
    found = console.ask("GET", "/v1/tokens")["data"]
    assert isinstance(found, list)
    return found
