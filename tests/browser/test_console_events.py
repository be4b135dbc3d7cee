"""Events in the console: found by filters that stand in the address, read whole, and followed live."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from playwright.sync_api import Locator, Page, expect

from support.console import Site, Visitor
from support.control import POLICY
from support.records import Instance

HOSTILE = "<img src=x onerror=alert(1)>"


def gateway(console: Site, name: str) -> tuple[str, str]:
    """Its id and a token of it."""
    made = console.ask("POST", "/v1/gateways", {"name": name})
    token = console.ask("POST", f"/v1/gateways/{made['id']}/tokens", {"name": "runtime"})
    return str(made["id"]), str(token["token"])


def report(console: Site, token: str, *records: Mapping[str, Any]) -> None:
    url, headers = f"{console.served.url}/v1/gateway/events", {"Authorization": f"Bearer {token}"}
    answer = urllib3.request("POST", url, json={"events": records}, headers=headers)
    assert len(answer.json()["accepted"]) == len(records), answer.data


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Events, newest first").locator("tbody tr")


def test_they_are_found_by_filters_that_can_be_shared(console: Site) -> None:
    """By the name of a gateway, by verdict and time; the address shows the same to another, and one can go back."""
    instance, now = Instance(), time.time()
    edge, token = gateway(console, HOSTILE)
    report(console, token, *[instance.decision(at=now - 90_000 - second) for second in range(52)])
    report(console, token, instance.decision("blocked", at=now - 60, user_id=HOSTILE), instance.gap(1, 3))
    report(console, console.served.token, Instance("gwi_other").decision("blocked", at=now - 30))
    visitor = console.signed_in()
    page = visitor.goes_to("events")
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(rows(page)).to_have_count(55)
    expect(page.get_by_role("status")).to_have_text("55 events shown, newest first.")
    visitor.finds_no_barrier()

    page.get_by_label("Verdict").select_option("blocked")
    page.get_by_role("button", name="Apply").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Gateway").select_option(HOSTILE)
    page.get_by_label("Since").fill(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - 3600)))
    page.get_by_role("button", name="Apply").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(HOSTILE)
    shared = page.url.partition("#/")[2]
    assert f"verdict=blocked&gateway_id={edge}&since=" in shared

    other = console.signed_in("viewer").goes_to(shared)
    expect(rows(other)).to_have_count(1)
    expect(other.get_by_label("Gateway")).to_have_value(edge)
    other.get_by_role("button", name="Clear").click()
    expect(rows(other)).to_have_count(50)
    page.go_back()
    expect(rows(page)).to_have_count(2)
    page.goto(f"{visitor.url}/#/events?since=yesterday")
    expect(page.get_by_role("alert")).to_contain_text("`since` must be a time")


def whole(gateway_id: str, configuration_id: object) -> dict[str, Any]:
    """What a record has that has everything."""
    attempt = {"target_id": "main", "provider": "mock", "outcome": "timeout", "status": None, "latency_ms": 900.0}
    policy = {"kind": "pii-detector", "phase": "input", "mode": "shadow", "verdict": "redacted", "latency_us": 812}
    return {
        "gateway_id": gateway_id,
        "configuration_id": configuration_id,
        "configuration_version": 1,
        "escalation_id": "esc_0123456789abcdefghjkmnpqrs",
        "input_tokens": 1234,
        "cost_usd": 0.0042,
        "attempts": [attempt, attempt | {"target_id": "spare", "outcome": "answered", "status": 200}],
        "policies": [policy | {"reason_code": HOSTILE, "findings": [{"category": "email", "count": 2}]}],
    }


def test_one_is_read_whole(console: Site) -> None:
    """What each policy said, what the record keeps, its place in the chain and whether that is proven."""
    made = console.ask("POST", "/v1/configurations", {"name": "careful", "policy_yaml": POLICY})
    edge, token = gateway(console, "edge")
    instance = Instance()
    first, record = instance.decision(), instance.telling(HOSTILE, **whole(edge, made["id"]))
    report(console, token, first, record)
    visitor = console.signed_in()
    page = visitor.goes_to(f"events/{record['id']}")
    policies = page.get_by_role("region", name="Policies, in the order they judged").locator("tbody tr")
    expect(policies).to_have_text(f"pii-detectorinputshadowredacted{HOSTILE}email × 20.81\u00a0ms")
    expect(page.get_by_role("region", name="Attempts at providers").locator("tbody tr")).to_have_count(2)
    expect(page.locator("figure pre")).to_have_text(HOSTILE)
    expect(page.get_by_role("link", name="edge")).to_have_attribute("href", f"#/gateways/{edge}")
    version = page.get_by_role("link", name="careful, version 1")
    expect(version).to_have_attribute("href", f"#/configurations/{made['id']}/versions/1")
    expect(page.get_by_role("link", name="esc_")).to_have_attribute("href", f"#/escalations/{record['escalation_id']}")
    for fact in (record["hash"], first["hash"], "1,234", "US$0.0042"):
        expect(page.locator("dd").get_by_text(fact, exact=True)).to_be_visible()
    expect(page.get_by_text("not sealed yet")).to_be_visible()
    visitor.finds_no_barrier()
    assert copied(visitor)["id"] == record["id"]
    # an erasure is sealed at once, and what came before it with it
    console.ask("POST", "/v1/events/erasures", {"event_ids": [first["id"]]})
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text("in checkpoint 1, as entry 2 of 2.")).to_be_visible()


def copied(visitor: Visitor) -> dict[str, Any]:
    """What is in the clipboard after the button was pressed."""
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.get_by_role("button", name="Copy JSON").click()
    expect(visitor.page.get_by_text("Copied.")).to_be_visible()
    found: dict[str, Any] = json.loads(visitor.page.evaluate("navigator.clipboard.readText()"))
    return found


def test_they_are_followed_live(console: Site) -> None:
    """What comes in stands at the top, waits during a pause, and is bounded; leaving the page ends it."""
    instance, token = Instance(), console.served.token
    report(console, token, instance.decision("blocked"), instance.decision())
    visitor = console.signed_in()
    page = visitor.goes_to("events?verdict=blocked")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Live").check()
    expect(page.get_by_text("Following: what comes in stands at the top.")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    rows(page).first.get_by_role("link").focus()
    newest = instance.decision("blocked", user_id="somebody")
    report(console, token, instance.decision(), newest)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("somebody")
    expect(rows(page).nth(1).get_by_role("link")).to_be_focused()
    visitor.finds_no_barrier()

    page.get_by_role("button", name="Pause").press("Enter")
    report(console, token, *[instance.decision("blocked") for _ in range(250)])
    expect(page.get_by_text("200 or more new since the pause")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Resume").press("Enter")
    expect(rows(page)).to_have_count(200)
    assert page.url.endswith("#/events?verdict=blocked&live=1")
    with page.expect_event("requestfailed", lambda request: "/v1/events/stream" in request.url):
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_focused()
    page = visitor.goes_to("events?live=1&since=yesterday")
    expect(page.get_by_role("alert")).to_contain_text("`since` must be a time")
    expect(page.get_by_role("button", name="Connect again")).to_be_visible()
