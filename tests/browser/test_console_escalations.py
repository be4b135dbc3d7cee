"""What waits for a person, in a browser: the queue, what is held, and the decision."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from support.console import Site
from support.escalations import draft

HOSTILE = "<img src=x onerror=alert(1)>"


def test_somebody_decides_what_is_held(console: Site) -> None:
    """From the queue to the approval: what is held is read, and the reason is kept with the decision."""
    _hold(console, user_id=HOSTILE)
    _hold(console, policy="safety-filter", stage="input")
    visitor = console.signed_in("editor")
    page = visitor.goes_to("escalations")
    expect(page.get_by_role("row")).to_have_count(3)
    visitor.finds_no_barrier()
    page.get_by_label("User").fill(HOSTILE)
    page.get_by_label("State").select_option("queued")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("59 minutes")
    page.get_by_role("link", name="Answer").click()
    expect(page.get_by_role("heading", name="Escalation of human-oversight")).to_be_focused()
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("status")).to_contain_text("You claimed it")
    page.get_by_role("button", name="Show what is held").click()
    expect(page.get_by_role("region", name="What is held")).to_contain_text("the account is DE89 3704")
    visitor.finds_no_barrier()
    _decide(page, "Approve", "their own account")
    expect(page.get_by_role("status")).to_contain_text("Approved")
    expect(page.get_by_text("the editor approved it, and the client gets it")).to_be_visible()
    expect(page.get_by_text("their own account")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve")).to_be_hidden()
    expect(page.get_by_role("button", name="Give it back")).to_have_count(0)


def test_what_was_typed_outlives_what_others_do(console: Site) -> None:
    """Another claims it meanwhile: the page says so, keeps the reason, and says in words why it refuses."""
    identifier = _hold(console)
    visitor = console.signed_in("editor")
    page = visitor.goes_to(f"escalations/{identifier}")
    page.get_by_label("Reason of the decision").fill("looks")
    console.ask("POST", f"/v1/escalations/{identifier}/claim")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("first admin key has it.")).to_be_visible()
    expect(page.get_by_label("Reason of the decision")).to_be_focused()
    page.keyboard.type(" right")
    expect(page.get_by_label("Reason of the decision")).to_have_value("looks right")
    page.get_by_label("Deny").check()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("alert")).to_contain_text("they or an admin decide it")
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_role("alert").first).to_contain_text("`first admin key` claimed it")


def test_nobody_approves_what_they_asked(console: Site) -> None:
    """Their own request is refused in words; a claim that comes too late says who has it; a viewer decides nothing."""
    own, other = _hold(console, user_id="the editor"), _hold(console)
    visitor = console.signed_in("editor")
    page = visitor.goes_to(f"escalations/{own}")
    _decide(page, "Approve", "why not")
    expect(page.get_by_role("alert")).to_contain_text("somebody else has to")
    _decide(page, "Deny", "not needed any more")
    expect(page.get_by_text("Nothing is held any more")).to_be_visible()
    page = visitor.goes_to(f"escalations/{other}")
    console.ask("POST", f"/v1/escalations/{other}/claim")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("alert")).to_contain_text("`first admin key` claimed it")
    expect(page.get_by_text("first admin key has it.")).to_be_visible()
    console.ask("POST", f"/v1/escalations/{other}/resolve", {"outcome": "denied", "reason": "not for them"})
    page = console.signed_in("viewer").goes_to(f"escalations/{other}")
    expect(page.get_by_text("not for them")).to_be_visible()
    expect(page.get_by_text("Only those who may decide")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve")).to_be_hidden()


def _hold(console: Site, **changed: object) -> str:
    return str(console.ask("POST", "/v1/gateway/escalations", draft(**changed))["id"])


def _decide(page: Page, outcome: str, reason: str) -> None:
    page.get_by_label(outcome).check()
    page.get_by_label("Reason of the decision").fill(reason)
    page.get_by_role("button", name="Resolve").click()
