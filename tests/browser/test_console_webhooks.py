"""Webhooks as one makes, tests and follows them, beside a receiver that listens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from keeptrusts.api.webhooks import EVENT_TYPES
from support.console import Site, site
from support.webhooks import Receiver, Reply, receiver

HOSTILE = "<img src=x onerror=alert(1)>" + "-long" * 20


@pytest.fixture
def post(browser: Browser, tmp_path: Path) -> Iterator[tuple[Site, Receiver]]:
    """A console whose webhooks reach this machine, and one who receives."""
    with receiver() as listening, site(browser, tmp_path, to_loopback=True) as console:
        yield console, listening


def test_a_webhook_is_made_and_its_test_arrives(post: tuple[Site, Receiver]) -> None:
    """Every type can be checked; the secret is shown once, and is the one that signs."""
    console, listening = post
    visitor = console.signed_in("editor")
    page = visitor.goes_to("webhooks")
    expect(page.get_by_text("No webhook yet")).to_be_visible()
    page.get_by_role("link", name="New webhook").click()
    types = page.locator(".types input").evaluate_all("all => all.map((one) => one.value)")
    assert [one for one in types if "*" not in one] == list(EVENT_TYPES)
    page.get_by_label("URL").fill(listening.url)
    page.get_by_label("Description").fill(HOSTILE)
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_role("alert")).to_contain_text("choose at least one")
    page.get_by_label("All: event.*").check()
    expect(page.get_by_label("event.blocked")).to_be_disabled()
    page.get_by_label("gateway.drift_detected").check()
    page.get_by_label("Other patterns").fill("*.failed")
    page.get_by_label("Headers").fill("X-Team: web")
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_role("heading", name="The webhook is ready")).to_be_focused()
    secret = page.locator("code.copyable").inner_text()
    page.get_by_role("link", name="To the webhook").click()
    expect(page.get_by_text("X-Team (values are never shown)")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Delivered: the endpoint answered 204, after 1 attempt.")).to_be_visible()
    listening.letters[0].verify(secret)
    assert listening.letters[0].headers["x-team"] == "web"
    made = console.ask("GET", f"/v1/webhooks/{page.url.rpartition('/')[2]}")
    assert made["event_types"] == ["event.*", "gateway.drift_detected", "*.failed"]
    expect(page.get_by_role("row", name="webhook.test")).to_contain_text("delivered")
    visitor.finds_no_barrier()
    visitor.goes_to("webhooks")
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    visitor.finds_no_barrier()


def test_what_an_endpoint_refuses_is_followed_and_sent_again(post: tuple[Site, Receiver]) -> None:
    """One sees the status and the next try, and what came of another; an endpoint that is gone says why it is off."""
    console, listening = post
    hook = _webhook(console, listening.url)
    listening.replies += [Reply(500), Reply(204), Reply(410)]
    page = console.signed_in("editor").goes_to(f"webhooks/{hook}")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Not delivered by 1 attempt")).to_contain_text("answered 500")
    page.get_by_role("link", name="webhook.test").click()
    expect(page.get_by_role("heading", name="webhook.test")).to_be_focused()
    page.get_by_role("button", name="Redeliver").click()
    expect(page.get_by_role("status")).to_contain_text("the endpoint answered 204")
    page.get_by_role("link", name=listening.url).click()
    page.get_by_label("State of the delivery").select_option("dead")
    expect(page.get_by_text("None is in this state.")).to_be_visible()
    page.get_by_label("State of the delivery").select_option("")
    page.get_by_role("button", name="Redeliver").click()
    expect(page.get_by_text("Given up after 1 attempt")).to_contain_text("410")
    page.reload()
    expect(page.get_by_text("it wants nothing any more").first).to_be_visible()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    assert len(set(listening.ids)) == 1
    page = console.signed_in("viewer").goes_to(f"webhooks/{hook}")
    expect(page.get_by_role("row", name="webhook.test")).to_contain_text("answered 410")
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


def test_a_webhook_is_changed_its_secret_rotated_and_it_is_deleted(console: Site) -> None:
    """Headers stay unless they are replaced; rotating says how long both secrets sign."""
    hook = _webhook(console, "https://example.com/hook", headers={"X-Team": "web"}, event_types=["*", "webhook.*"])
    page = console.signed_in().goes_to(f"webhooks/{hook}/change")
    page.get_by_label("URL").fill("http://example.com/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("must begin with `https://`")
    page.get_by_label("URL").fill("https://example.com/other")
    page.get_by_label("Everything").uncheck()
    page.get_by_label("Format").select_option("slack")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    changed = console.ask("GET", f"/v1/webhooks/{hook}")
    assert (changed["format"], changed["event_types"], changed["header_names"]) == ("slack", ["webhook.*"], ["X-Team"])
    page.get_by_role("button", name="Rotate the secret").click()
    _confirm(page, "Rotate")
    expect(page.get_by_text("Both the old and the new one sign until")).to_be_visible()
    expect(page.locator("code.copyable")).to_contain_text("whsec_")
    expect(page.get_by_text("version 2")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("switched off by somebody")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    _confirm(page, "Delete")
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()


def _confirm(page: Page, answer: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=answer).click()


def _webhook(console: Site, url: str, **fields: Any) -> str:
    return str(console.ask("POST", "/v1/webhooks", {"url": url, "event_types": ["*"], **fields})["id"])
