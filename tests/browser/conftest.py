"""One browser a file, and a fresh control plane for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from support.console import Site, launch, site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """
    Chromium without a window.

    It ends with its file: until then a loop runs in this thread, and a test of others could start none.
    """
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture
def console(browser: Browser, tmp_path: Path) -> Iterator[Site]:
    """The console of a fresh control plane."""
    with site(browser, tmp_path) as found:
        yield found
