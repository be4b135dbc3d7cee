"""The guide to the console, followed by a shell; and what it says of roles, held against the pages themselves."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

import pytest
import urllib3

from keeptrusts.api.names import Role
from keeptrusts.control.console_files import FILES
from keeptrusts.control.scopes import SCOPES_OF
from keeptrusts.control.settings import Settings
from support.documents import blocks_of, follow
from support.served import serve

GUIDE: Final = Path(__file__).parents[2] / "docs" / "guide" / "console.md"
ROLES: Final[tuple[Role, ...]] = ("viewer", "auditor", "editor", "admin")
WRITES: Final = {"configurations", "gateways", "escalations", "webhooks", "exports", "tokens", "variables"}
"""Nouns with something to change on their page."""


def test_the_guide_works(tmp_path: Path) -> None:
    """Each command does what the text says; the key that was handed over signs nobody in once it is revoked."""
    blocks = blocks_of(GUIDE)
    with serve(Settings(data_dir=tmp_path, key_requests_per_minute=100_000), tmp_path) as served:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        reading = follow(blocks, tmp_path, {**served.environment, "PATH": path})
        assert reading.status == 0, reading.last()
        handed = re.search(r"/#/welcome/([\w-]+)", reading.output_of(blocks, "kt token create"))
        assert handed
        session = {"code": handed[1]}
        assert urllib3.request("POST", f"{served.url}/console/session", json=session).status == 401
    assert f"{served.url}/#/welcome/" in reading.output_of(blocks, "kt console\n")
    tried = reading.output_of(blocks, "/try")
    assert '"verdict":"redacted"' in tried
    assert '"answer":"Done."' in tried
    assert reading.output_of(blocks, "session.link").count("session.link") == 2


@pytest.mark.parametrize("role", ROLES)
def test_what_it_says_of_roles(role: Role) -> None:
    """The pages of the table are those of the menu, in its order; what a role sees and changes follows from scopes."""
    script = FILES["app.js"].content.decode()
    pages = re.findall(r"^  \['[\w-]+', '([^']+)', '(\w+):read'\],$", script, re.MULTILINE)
    told = re.findall(r"^\| ([A-Z][\w ]+): .* \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", GUIDE.read_text(), re.MULTILINE)
    assert {page: row[ROLES.index(role)] for page, *row in told} == {
        words: _access(words, noun, SCOPES_OF[role]) for words, noun in pages
    }
    assert [page for page, *_ in told] == [words for words, _ in pages]


def _access(words: str, noun: str, scopes: frozenset[str]) -> str:
    if f"{noun}:read" not in scopes:
        return "no"
    changes = noun in WRITES and words != "Playground"
    return "reads" if changes and f"{noun}:write" not in scopes else "yes"
