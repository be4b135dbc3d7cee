"""Secrets in a browser: a value goes in, and is never seen again."""

from __future__ import annotations

from playwright.sync_api import expect

from support.console import Site

FIRST, SECOND = "sk-first-value", "sk-second-value"


def test_a_value_goes_in_and_never_comes_out(console: Site) -> None:
    """It is made, replaced and deleted; no answer and no page has the value."""
    visitor = console.signed_in()
    page = visitor.page
    read: list[str] = []
    page.on("response", lambda answer: read.append(answer.text()) if "/v1/" in answer.url and answer.ok else None)
    visitor.goes_to("secrets")
    page.get_by_role("link", name="New secret").click()
    page.get_by_label("Name").fill("OPENAI_API_KEY")
    page.get_by_label("Value").fill(FIRST)
    expect(page.get_by_label("Value")).to_have_attribute("type", "password")
    page.get_by_label("Description").fill("<img src=x onerror=alert(1)>")
    page.get_by_label("Allowed hosts").fill("Not A Host!")
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Keep the secret").click()
    expect(page.get_by_role("alert")).to_contain_text("in lower case")
    page.get_by_label("Allowed hosts").fill("llama.example:8443\nllama.example")
    page.get_by_role("button", name="Keep the secret").click()
    expect(page.get_by_role("status")).to_contain_text("is kept")
    expect(page.get_by_role("row").last).to_contain_text("llama.example:8443")
    visitor.finds_no_barrier()
    page.get_by_role("link", name="Change OPENAI_API_KEY").click()
    expect(page.get_by_label("Value")).to_have_value("")
    page.get_by_label("Value").fill(SECOND)
    page.get_by_label("Allowed hosts").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").last).to_contain_text("version 2")
    expect(page.get_by_role("row").last).to_contain_text("known providers")
    page.get_by_role("button", name="Delete OPENAI_API_KEY").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no secret yet")).to_be_visible()
    assert read
    assert not any(value in text for text in read for value in (FIRST, SECOND))


def test_nobody_overwrites_what_they_have_not_seen(console: Site) -> None:
    """Somebody else changed it meanwhile: the page says so, and an editor is offered no change at all."""
    made = console.ask("POST", "/v1/config-variables", {"name": "KEY", "value": FIRST})
    page = console.signed_in().goes_to(f"secrets/{made['id']}")
    console.ask("PATCH", f"/v1/config-variables/{made['id']}", {"description": "another's"})
    page.get_by_label("Value").fill(SECOND)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("changed since you read it")
    page = console.signed_in("editor").goes_to("secrets")
    expect(page.get_by_role("row").last).to_contain_text("another's")
    expect(page.get_by_role("button", name="Delete KEY")).to_have_count(0)
    expect(page.get_by_role("link", name="New secret")).to_have_count(0)
