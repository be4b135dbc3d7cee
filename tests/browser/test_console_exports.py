"""Archives, in a browser: a look at the rows, making one, and fetching it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

from keeptrusts.api.exports import EXPORT_FORMATS
from keeptrusts.control.export_fields import FILTERS
from keeptrusts.control.ocsf import TRANSLATORS
from support.console import Site, Visitor
from support.escalations import draft

JOB: Final[dict[str, Any]] = {
    "id": "exp_1",
    "type": "events",
    "format": "csv",
    "window_from": "2026-01-01T00:00:00.000Z",
    "window_to": "2026-01-02T00:00:00.000Z",
    "filters": {"user_id": "<img src=x onerror=alert(1)>"},
    "content": "sealed",
    "rows_done": 0,
    "rows_total": None,
    "size_bytes": None,
    "sha256": None,
    "error": None,
    "created_at": "2026-01-02T00:00:00.000Z",
    "completed_at": None,
    "expires_at": None,
}


def test_an_archive_is_previewed_made_and_fetched(console: Site) -> None:
    """The session fetches the bytes whose digest is shown; the list has it, and its manifest is there."""
    console.ask("POST", "/v1/gateway/escalations", draft(user_id="<img src=x onerror=alert(1)>"))
    console.ask("POST", "/v1/gateway/escalations", draft(policy="safety-filter"))
    visitor = console.signed_in("auditor")
    page = visitor.goes_to("exports")
    page.get_by_role("link", name="New export").click()
    expect(page.get_by_role("heading", name="New export")).to_be_focused()
    page.get_by_label("What").select_option("escalations")
    expect(page.get_by_label("Format").get_by_role("option", name="OCSF")).to_have_count(0)
    page.get_by_label("Policy").fill("human-oversight")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("status")).to_contain_text("1 row, and no more")
    visitor.finds_no_barrier()
    page.get_by_role("button", name="Make the export").click()
    expect(page.get_by_role("heading", name="Export of escalations")).to_be_focused()
    archive = _fetched(page, "Download escalations")
    assert json.loads(archive)["policy"] == "human-oversight"
    expect(page.get_by_text(hashlib.sha256(archive).hexdigest(), exact=True)).to_be_visible()
    assert json.loads(_fetched(page, "Download the manifest"))["sha256"] == hashlib.sha256(archive).hexdigest()
    visitor.finds_no_barrier()
    page = visitor.goes_to("exports?state=completed")
    assert _fetched(page, "Download escalations") == archive


def test_times_are_of_the_browser_and_refusals_in_words(console: Site) -> None:
    """The wrong way round they are refused beside the button, and stay filled in; the choices are those of the API."""
    page = console.signed_in().goes_to("exports/new?type=audit-log&action=token.create")
    expect(page.get_by_label("Action")).to_have_value("token.create")
    page.get_by_label("Between two times").check()
    page.get_by_label("From").fill("2026-02-02T10:00:00")
    page.get_by_label("Until").fill("2026-02-01T10:00:00")
    page.get_by_role("button", name="Make the export").click()
    expect(page.get_by_role("alert")).to_contain_text("`from` must be before `to`")
    expect(page.get_by_label("From")).to_have_value("2026-02-02T10:00")
    for kind, filters in FILTERS.items():
        page.get_by_label("What").select_option(kind)
        named = page.locator("[name^='filter.']")
        assert named.evaluate_all("all => all.map(one => one.name.slice(7)).sort()") == sorted(filters)
        formats = page.get_by_label("Format").locator("option")
        known = [one for one in EXPORT_FORMATS if one != "ocsf" or kind in TRANSLATORS]
        assert formats.evaluate_all("all => all.map(one => one.value).sort()") == sorted(known)


def test_progress_and_failure_have_words(console: Site) -> None:
    """A bar without a known end, one with it, how it is proven; of a failed one why, and how to make it again."""
    visitor = console.signed_in()
    job = JOB | {"state": "running", "rows_done": 3}
    visitor.page.route("**/v1/exports/jobs/exp_1", lambda route: route.fulfill(json=job))
    page = visitor.goes_to("exports/exp_1")
    expect(page.get_by_role("progressbar", name="Rows written")).to_be_visible()
    expect(page.get_by_text("3 rows")).to_be_visible()
    job |= {"rows_done": 1200, "rows_total": 5000}
    _look_again(visitor)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "1200")
    expect(page.get_by_text("1,200 of 5,000 rows")).to_be_visible()
    visitor.finds_no_barrier()
    job |= {"state": "completed", "format": "jsonl", "sha256": "0" * 64}
    _look_again(visitor)
    expect(page.get_by_role("region", name="How to prove it")).to_have_text("kt events verify events-exp_1.jsonl")
    manifest = page.get_by_role("link", name="Download the manifest")
    expect(manifest).to_have_attribute("download", "events-exp_1.jsonl.manifest.json")
    visitor.finds_no_barrier()
    job |= {"state": "failed", "error": "the disk is full"}
    page = visitor.goes_to("exports/exp_1")
    expect(page.get_by_text("It failed: the disk is full")).to_be_visible()
    page.get_by_role("link", name="Make it again").click()
    expect(page.get_by_label("User")).to_have_value("<img src=x onerror=alert(1)>")
    expect(page.get_by_label("From")).to_have_value("2026-01-01T00:00")


def _fetched(page: Page, name: str) -> bytes:
    with page.expect_download() as began:
        page.get_by_role("link", name=name).click()
    return Path(began.value.path()).read_bytes()


def _look_again(visitor: Visitor) -> None:
    visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
