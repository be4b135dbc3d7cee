"""The fleet as it changes, one gateway, and what can be done with it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from support.console import Site

HOSTILE = "<img src=x onerror=alert(1)>" + "-long" * 20
POLICY = "pack: {name: shop, version: 1.0.0, enabled: true}\npolicies:\n  chain: [pii-detector]\n"


def test_the_fleet_is_renewed_while_one_types(console: Site) -> None:
    """Drift is said in words and comes by itself; neither the focus nor what was typed is lost."""
    shop = _configuration(console, "Shop")
    gateway = _gateway(console, name="eu-1", configuration_id=shop, environment="production", labels={"team": "web"})
    report = _reporter(console, gateway)
    report("pod-a", gateway["desired_digest"])
    visitor = console.signed_in("viewer")
    page = visitor.page
    page.clock.install()
    visitor.goes_to("gateways")
    row = page.get_by_role("row", name="eu-1")
    expect(row).to_contain_text("1 of 1 run it")
    expect(page.get_by_role("link", name="New gateway")).to_have_count(0)
    page.get_by_label("Environment").fill("prod")
    link = page.get_by_role("link", name="eu-1")
    link.focus()
    report("pod-b", "sha256:" + "0" * 64)
    _gateway(console, name=HOSTILE)
    page.clock.run_for(10_000)
    expect(row).to_contain_text("1 of 2 run it")
    expect(row).to_contain_text("drift: 1 does not run it")
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(link).to_be_focused()
    expect(page.get_by_label("Environment")).to_have_value("prod")
    visitor.finds_no_barrier()


def test_the_fleet_is_asked_for_while_it_is_looked_at(console: Site) -> None:
    """Not when it is hidden, and at once when it is seen again; what could not be renewed is said to be older."""
    visitor = console.signed_in("viewer")
    visitor.page.clock.install()
    page = visitor.goes_to("gateways")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    _looked_at(page, seen=False)
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_response("**/v1/gateways?*"):
        _looked_at(page, seen=True)
    page.route("**/v1/gateways?*", lambda route: route.abort())
    page.clock.run_for(10_000)
    expect(page.get_by_text("Could not be renewed")).to_contain_text("What is shown is older.")
    page.unroute_all()
    page.clock.run_for(10_000)
    expect(page.get_by_text("Renewed every 10 s")).to_be_visible()


def test_filters_and_pages_of_the_fleet(console: Site) -> None:
    """More than a page is shown on demand and stays when it is renewed; filters are those of the API."""
    for number in range(52):
        _gateway(console, name=f"edge-{number}", labels={"team": "web" if number % 2 else "batch"})
    page = console.signed_in("viewer").goes_to("gateways")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(52)
    page.get_by_label("Labels").fill("team=web")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(26)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    page.get_by_label("Labels").fill("web")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("key=value")
    page.get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(50)


def test_a_canary_is_promoted_and_a_version_pinned(console: Site) -> None:
    """One sees which instances have the new version; each action shows what came of it."""
    shop = _configuration(console, "Shop")
    gateway = _gateway(console, name="eu-1", configuration_id=shop, deployment={"strategy": "canary", "percent": 1})
    report = _reporter(console, gateway)
    report("pod-a", gateway["desired_digest"])
    report("pod-b", gateway["desired_digest"], last_error="the document does not compile")
    changed = POLICY.replace("pii-detector", "prompt-injection")
    console.ask("PATCH", f"/v1/configurations/{shop}", {"policy_yaml": changed})
    visitor = console.signed_in("editor")
    page = visitor.goes_to(f"gateways/{gateway['id']}")
    expect(page.get_by_role("heading", name="Canary under way")).to_be_visible()
    expect(page.get_by_text("in the canary")).to_have_count(1)
    expect(page.get_by_role("row", name="pod-b")).to_contain_text("the document does not compile")
    expect(page.get_by_role("button", name="Make a token")).to_have_count(0)
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Promote the canary").click()
    expect(page.get_by_text("Promoted:")).to_be_visible()
    expect(page.get_by_role("heading", name="Canary under way")).to_have_count(0)
    page.get_by_role("button", name="Pin this version").click()
    expect(page.get_by_text("version 2 (pinned)")).to_be_visible()
    console.ask("POST", f"/v1/gateways/{gateway['id']}/actions", {"action": "reload"})
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_text("by 0 of 2")).to_be_visible()
    report("pod-a", gateway["desired_digest"], epoch=99)
    expect(page.get_by_text("by 1 of 2")).to_be_visible()


def test_a_new_gateway_starts_with_the_line_that_is_shown(console: Site) -> None:
    """The token is there once, with the line for it; the page tells when the first instance has come."""
    shop = _configuration(console, "Shop")
    visitor = console.signed_in()
    visitor.page.clock.install()
    page = visitor.goes_to("gateways/new")
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_label("Configuration").select_option(shop)
    page.get_by_label("New versions go").select_option("canary")
    page.get_by_label("Percent of the instances").fill("25")
    page.get_by_label("Labels").fill("team=web\ntier=1")
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Make the gateway").click()
    expect(page.get_by_role("heading", name="is ready to start")).to_be_focused()
    token, line = page.locator("code.copyable").all_inner_texts()
    assert line == f"KEEPTRUSTS_GATEWAY_TOKEN={token} kt gateway run --api-url {console.served.url}"
    visitor.finds_no_barrier()
    said = {"instance_id": "pod-a", "version": "1", "active_digest": None, "epoch": None}
    console.ask_as(token, "POST", "/v1/gateway/status", said)
    page.clock.run_for(3_000)
    expect(page.get_by_text("The instance pod-a is here.")).to_be_visible()
    page.get_by_role("link", name="To the gateway").click()
    expect(page.get_by_text("25 % of the instances first")).to_be_visible()
    assert token not in page.content()


def test_a_gateway_is_changed_its_token_revoked_and_it_is_deleted(console: Site) -> None:
    """What was changed meanwhile is not overwritten; what cannot be taken back asks first."""
    shop = _configuration(console, "Shop")
    gateway = _gateway(console, name="eu-1", configuration_id=shop, environment="staging", labels={"team": "web"})
    path = f"gateways/{gateway['id']}"
    page = console.signed_in().goes_to(f"{path}/change")
    console.ask("PATCH", f"/v1/{path}", {"description": "someone else was here"})
    page.get_by_label("Environment").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed since you read it")
    page.reload()
    page.get_by_label("Environment").fill("")
    page.get_by_label("Version", exact=True).fill("7")
    page.get_by_label("Configuration").select_option("")
    expect(page.get_by_label("Version", exact=True)).to_have_value("")
    page.get_by_label("Configuration").select_option(shop)
    page.get_by_label("Version", exact=True).fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    changed = console.ask("GET", f"/v1/{path}")
    assert changed["environment"] is None
    assert changed["configuration_version"] == 1
    assert changed["labels"] == {"team": "web"}
    page.get_by_label("Name of the token").fill("spare")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("button", name="Copy Token")).to_be_focused()
    _answer(page, "Revoke spare", "Revoke")
    expect(page.get_by_role("row", name="spare")).to_contain_text("revoked")
    _answer(page, "Delete", "Cancel")
    expect(page.get_by_role("dialog")).to_have_count(0)
    _answer(page, "Delete", "Delete")
    expect(page.get_by_text("No gateway yet")).to_be_visible()


def _looked_at(page: Page, *, seen: bool) -> None:
    page.evaluate(
        "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        not seen,
    )


def _answer(page: Page, button: str, answer: str) -> None:
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_role("button", name=answer).click()


def _configuration(console: Site, name: str) -> str:
    return str(console.ask("POST", "/v1/configurations", {"name": name, "policy_yaml": POLICY})["id"])


def _gateway(console: Site, **fields: Any) -> dict[str, Any]:
    return console.ask("POST", "/v1/gateways", fields)


def _reporter(console: Site, gateway: dict[str, Any]) -> Any:
    token = str(console.ask("POST", f"/v1/gateways/{gateway['id']}/tokens", {})["token"])

    def report(instance: str, digest: str, **more: Any) -> None:
        said = {"instance_id": instance, "version": "1.0.0", "active_digest": digest, "epoch": gateway["epoch"]}
        console.ask_as(token, "POST", "/v1/gateway/status", {**said, **more})

    return report
