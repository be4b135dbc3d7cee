"""`kt console`: a link for a browser, good once."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterator

import pytest
import urllib3

from keeptrusts.control.settings import Settings
from support.served import Served, serve, shown


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One control plane for all of these."""
    home = tmp_path_factory.mktemp("console")
    with serve(Settings(data_dir=home, key_requests_per_minute=100_000), home) as running:
        yield running


def signs_in(plane: Served, link: str) -> int:
    """What a browser is answered that comes by this link."""
    address, _, code = link.partition("/#/welcome/")
    assert address == plane.url
    return urllib3.request("POST", f"{plane.url}/console/session", json={"code": code}).status


def test_the_link_signs_in_once(plane: Served) -> None:
    """It alone stands on stdout; its end is told beside it."""
    result = plane.kt("console")
    (link,) = shown(result)
    assert (signs_in(plane, link), signs_in(plane, link)) == (201, 401)
    assert "it signs in once, until 20" in result.stderr
    assert plane.token not in result.stdout + result.stderr


def test_a_program_reads_it(plane: Served) -> None:
    """As JSON, with its end."""
    told = json.loads(plane.kt("console", "--json").stdout)
    assert set(told) == {"url", "expires_at"}
    assert signs_in(plane, told["url"]) == 201


def test_a_gateway_signs_nobody_in(plane: Served) -> None:
    """Exit status 4, and what to use instead."""
    gateway = json.loads(plane.kt("gateway", "create", "--name", "edge", "--json").stdout)
    token = json.loads(plane.kt("gateway", "token", "create", gateway["id"], "--json").stdout)["token"]
    result = plane.kt("console", env={"KEEPTRUSTS_API_TOKEN": token})
    assert (result.exit_code, result.stdout) == (4, "")
    assert "use an API key" in result.stderr


@pytest.mark.parametrize(("opens", "status"), [(True, 0), (False, 1)])
def test_a_browser_is_opened(plane: Served, monkeypatch: pytest.MonkeyPatch, opens: bool, status: int) -> None:
    """With the link that is printed; where there is none, it is said."""
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return opens

    monkeypatch.setattr(webbrowser, "open", browse)
    result = plane.kt("console", "--open")
    assert (result.exit_code, result.stdout.split()) == (status, opened)
    assert ("open the link by hand" in result.stderr) is not opens
