"""A prompt tried in the console: on one version, on two beside each other, and what is refused."""

from __future__ import annotations

from playwright.sync_api import expect

from support.console import Site
from support.control import POLICY

ADDRESS = "write to ada@acme.io <img src=x onerror=alert(1)>"
REDACTS = POLICY.replace("    - token-limit\n", "    - pii-detector\n").replace(
    "  token-limit:\n    max_tokens: 1000\n", "  pii-detector: {}\n"
)
BLOCKS = REDACTS.replace("pii-detector: {}", "pii-detector: {action: block}\n  bot-detector: {}").replace(
    "    - pii-detector\n", "    - pii-detector\n    - bot-detector\n"
)


def test_a_prompt_is_tried_on_two_versions(console: Site) -> None:
    """What each says, what is sent beside what was written, and what a gateway may say otherwise."""
    made = console.ask("POST", "/v1/configurations", {"name": "production", "policy_yaml": REDACTS})
    console.ask("POST", f"/v1/configurations/{made['id']}/versions", {"policy_yaml": BLOCKS})
    visitor = console.signed_in("viewer")
    page = visitor.goes_to("playground")
    page.get_by_label("Version").select_option("1")
    page.get_by_label("Prompt").fill(ADDRESS)
    page.get_by_label("Answer", exact=True).fill("ask bob@acme.io")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("Version 1 lets it pass, redacted: pii_detector.email")
    expect(page.locator("ins")).to_have_text(["[EMAIL]", "[EMAIL]"])
    expect(page.get_by_role("figure", name="The prompt as the provider receives it")).to_contain_text(
        "write to [EMAIL] <img src=x onerror=alert(1)>"
    )
    expect(page.get_by_role("row", name="pii-detector input")).to_contain_text("email × 1")
    expect(page.get_by_role("row", name="pii-detector tool")).to_have_count(2)
    visitor.finds_no_barrier()
    page.get_by_label("Beside it").select_option("2")
    page.get_by_text("Who asks, and how").click()
    page.get_by_label("The answer is streamed").check()
    page.get_by_label("Header fields").fill("X-User-Id: ada")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("Version 2 blocks it: pii_detector.email in the phase input.")
    expect(page.get_by_text("It is sent to nobody.")).to_be_visible()
    expect(page.get_by_role("row", name="bot-detector input")).to_contain_text("not in its chain")
    expect(page.get_by_role("row", name="pii-detector output")).to_contain_text("not asked: it came to no answer")
    expect(page.get_by_text("bot-detector: it counts between requests")).to_be_visible()
    visitor.finds_no_barrier()
    page.get_by_label("Header fields").fill("\n".join(f"x-{number}: 1" for number in range(21)))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("headers")


def test_a_link_chooses_the_version(console: Site) -> None:
    """A configuration's page can lead here; whoever has none is told where to make one."""
    visitor = console.signed_in()
    expect(visitor.goes_to("playground").get_by_role("link", name="Make a configuration")).to_be_visible()
    for name in ("first", "second"):
        made = console.ask("POST", "/v1/configurations", {"name": name, "policy_yaml": REDACTS})
        console.ask("POST", f"/v1/configurations/{made['id']}/versions", {"policy_yaml": BLOCKS})
    listed = console.ask("GET", "/v1/configurations?name=first")["data"]
    assert isinstance(listed, list)
    page = visitor.goes_to(f"playground?configuration={listed[0]['id']}&version=1")
    expect(page.get_by_label("Configuration").locator(":checked")).to_have_text("first")
    expect(page.get_by_label("Version")).to_have_value("1")
    page = visitor.goes_to(f"playground?configuration={listed[0]['id']}&version=9")
    expect(page.get_by_label("Version")).to_have_value("2")
