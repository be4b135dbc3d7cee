"""The console in a real browser: somebody signs in, and what they see."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect

from keeptrusts.api.names import Role
from keeptrusts.control.settings import Settings
from support.served import Served, serve

# what Chromium does by itself would wait for a network that tests do not have
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
)
_SLOWEST_MS = 15_000


@dataclass(slots=True)
class Visitor:
    """
    Somebody with a browser.

    Args:
        failures: Errors of scripts, and what the content security policy stopped.
    """

    page: Page
    url: str
    failures: list[str] = field(default_factory=list)

    def goes_to(self, path: str) -> Page:
        """Open a page of the console (`events?verdict=blocked`) and wait until it is there."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/#/{path}")
        expect(self.page.locator("h1")).to_be_focused()
        return self.page

    def finds_no_barrier(self) -> None:
        """In the page as it stands, light and dark: what axe knows of WCAG 2.2 AA."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            found = Axe().run(self.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
            assert found.violations_count == 0, found.generate_report()


@dataclass(frozen=True, slots=True)
class Site:
    """A control plane that is served, and browsers that visit it."""

    served: Served
    browser: Browser
    visitors: list[Visitor] = field(default_factory=list)

    def key(self, role: Role) -> str:
        """A new API key of this role."""
        made = self.ask("POST", "/v1/tokens", {"name": f"the {role}", "role": role})
        return str(made["key"])

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """The API, as the first admin."""
        return self.ask_as(self.served.token, method, path, body)

    def ask_as(self, token: str, method: str, path: str, body: object = None) -> dict[str, object]:
        """The API, with this key or token."""
        # a connection that a slow browser keeps waiting would be closed by the server just when it is used again
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        answer = urllib3.request(method, self.served.url + path, json=body, headers=headers)
        assert answer.status < 300, answer.data
        found: dict[str, object] = answer.json() if answer.data else {}
        return found

    def visitor(self) -> Visitor:
        """Somebody who has not signed in."""
        page = self.browser.new_context(locale="en-GB", timezone_id="UTC").new_page()
        page.set_default_timeout(_SLOWEST_MS)
        visitor = Visitor(page, self.served.url)
        page.on("pageerror", lambda failed: visitor.failures.append(str(failed)))
        page.on("console", lambda said: visitor.failures.extend(_refused(said)))
        self.visitors.append(visitor)
        return visitor

    def signed_in(self, role: Role = "admin") -> Visitor:
        """Somebody with a key of this role, at the first page."""
        visitor = self.visitor()
        key = self.served.token if role == "admin" else self.key(role)
        answer = visitor.page.request.post(f"{self.served.url}/console/session", data={"key": key})
        assert answer.status == 201, answer.text()
        return visitor


def _refused(said: ConsoleMessage) -> Iterator[str]:
    # a refusal of the API is shown by the page, and noted by the browser as an error of loading
    if said.type == "error" and "Failed to load resource" not in said.text:
        yield said.text


@contextmanager
def site(browser: Browser, folder: Path, *, to_loopback: bool = False) -> Iterator[Site]:
    """Serve a fresh database, whose webhooks may go `to_loopback`; in the end no script may have failed."""
    settings = Settings(data_dir=folder, key_requests_per_minute=100_000, allow_insecure_webhooks=to_loopback)
    with serve(settings, folder) as served:
        found = Site(served, browser)
        try:
            yield found
        finally:
            for visitor in found.visitors:
                visitor.page.context.close()
        assert [failure for visitor in found.visitors for failure in visitor.failures] == []


def launch(playwright: Playwright) -> Browser:
    """The Chromium of this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=program, args=_FLAGS)
