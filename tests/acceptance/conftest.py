"""What these tests drive has to be there: a checkout without `kt dev` or the provider cannot be walked through."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

NEEDS = {
    "test_demo.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
    "test_kit.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
    "test_readme.py": ("keeptrusts.cli.dev", "keeptrusts.cli.terraform"),
}
"""Test module -> modules of the product that it walks through."""

collect_ignore = [name for name, modules in NEEDS.items() if not all(find_spec(module) for module in modules)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What became of events under each fault, where it was asked for."""
    if "KEEPTRUSTS_FAULT_EVENTS" not in os.environ:
        return
    found = [
        (name, totals)
        for report in terminalreporter.getreports("passed")
        for name, totals in report.user_properties
        if isinstance(totals, dict)
    ]
    terminalreporter.section("events")
    for name, totals in found:
        terminalreporter.write_line(f"{name:50}" + "".join(f"{key} {value:>7}  " for key, value in totals.items()))
