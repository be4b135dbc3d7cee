"""The first page: the figures of a window, what waits, and that it is renewed without taking the focus."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from support.console import Site
from support.records import Instance

HOSTILE = "<img src=x onerror=alert(1)>"
HOUR = 3600


def report(console: Site, *records: dict[str, Any]) -> None:
    console.ask("POST", "/v1/gateway/events", {"events": list(records)})


def card(page: Page, words: str) -> Any:
    return page.locator(".card").filter(has_text=words).locator("strong")


def test_it_shows_the_window_and_renews_itself(console: Site) -> None:
    """Figures of each window, a chart and its table; what comes in is there within 30 s, and the focus stays."""
    instance, now = Instance(), time.time()
    console.ask("POST", "/v1/gateways", {"name": "edge"})
    old = [instance.decision(at=now - 30 * HOUR) for _ in range(4)]
    new = [instance.decision(at=now - 60) for _ in range(3)]
    report(console, *old, *new, instance.decision("blocked", at=now - 30, user_id=HOSTILE))
    visitor = console.signed_in()
    visitor.page.clock.install()
    page = visitor.goes_to("overview")
    expect(card(page, "Requests")).to_have_text("4")
    expect(card(page, "Block rate")).to_have_text("25%")
    expect(card(page, "Open escalations")).to_have_text("0")
    expect(page.get_by_role("link", name="In drift or offline")).to_contain_text("of 1 gateway: 0 in drift, 0 offline")
    page.get_by_text("The same figures as a table").click()
    expect(page.get_by_role("region", name="Decisions over time by verdict").locator("tbody tr")).to_have_count(24)
    assert page.locator("g.bar rect.bar-allowed").count() >= 1
    visitor.finds_no_barrier()

    page.get_by_label("7 days").check()
    expect(card(page, "Requests")).to_have_text("8")
    assert page.url.endswith("#/overview?window=7d")
    expect(page.get_by_label("7 days")).to_be_focused()
    newest = page.get_by_role("region", name="Newest blocked requests")
    expect(newest.locator("tbody tr")).to_have_count(1)
    expect(newest).to_contain_text(HOSTILE)
    newest.get_by_role("link").focus()
    report(console, instance.decision("blocked", at=now - 20))
    page.clock.run_for(31_000)
    expect(card(page, "Requests")).to_have_text("9")
    expect(newest.locator("tbody tr")).to_have_count(2)
    expect(newest.locator("tbody tr").nth(1).get_by_role("link")).to_be_focused()


def test_what_a_key_may_not_read_is_left_out(console: Site) -> None:
    """A key for events alone sees neither escalations nor gateways, and is shown no refusal."""
    made = console.ask("POST", "/v1/tokens", {"name": "narrow", "role": "viewer", "scopes": ["events:read"]})
    visitor = console.visitor()
    visitor.page.request.post(f"{visitor.url}/console/session", data={"key": made["key"]})
    page = visitor.goes_to("overview")
    expect(card(page, "Requests")).to_have_text("0")
    expect(card(page, "Block rate")).to_have_text("–")
    expect(page.get_by_role("link", name="Open escalations")).to_have_count(0)
    expect(page.get_by_role("link", name="In drift or offline")).to_have_count(0)
    expect(page.get_by_text("No request was blocked so far.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
