"""Keys that the control plane keeps, fetched by a gateway: there, away, and back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from keeptrusts.gateway import control_plane as control_plane_module
from keeptrusts.gateway.bundles import Bundles
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.upstream import Pool
from keeptrusts.gateway.variables import Variables
from support.gateway_control import POLICY, FakeControlPlane, fake_control_plane
from support.gateway_managed import Managed, managed, until
from support.gateway_parts import run_on_loop

NAMING = POLICY.replace(
    "{id: mock, provider: mock}",
    "{id: one, provider: openai, base_url: 'https://a.example', secret_key_ref: {store: first}}, "
    "{id: two, provider: openai, base_url: 'https://b.example', secret_key_ref: {store: second}}",
)


HOSTS = {"first": ["a.example"], "second": ["b.example"]}


def with_variables(mine: Managed, plane: FakeControlPlane, pool: Pool, directory: Path) -> Bundles:
    api = ControlPlane(pool, plane.url, plane.token, None)
    settings = replace(mine.bundles._settings, variables=Variables(directory, api).of)
    return Bundles(api, mine.holder, settings)


def held(mine: Managed) -> dict[str, str]:
    return dict(mine.holder.active.variables) if mine.holder.active else {}


def test_keys_that_could_not_be_had_are_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was wrong, the targets work soon after it is right, though the document stays the same."""
    monkeypatch.setattr(control_plane_module.Backoff, "__init__", _impatient)

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            pool = Pool()
            bundles = with_variables(mine, plane, pool, tmp_path)
            plane.hosts = HOSTS
            plane.secrets, plane.secrets_status = {"first": "sk-1", "second": "sk-2"}, 503
            plane.publish(NAMING)
            following = asyncio.ensure_future(bundles.follow())
            await until(lambda: mine.active == "test")
            assert held(mine) == {}
            plane.secrets_status = None
            await until(lambda: held(mine) == {"first": "sk-1", "second": "sk-2"})
            await until(lambda: bundles._etag is not None)  # it has them all, so it waits for news
            following.cancel()
            pool.close()

    run_on_loop(scene())


def test_what_is_kept_serves_until_it_can_be_asked_for(tmp_path: Path) -> None:
    """The control plane is away: the last values; it says that one is gone: that one is."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            pool = Pool()
            plane.secrets, plane.hosts = {"first": "sk-1", "second": "sk-2"}, HOSTS
            plane.publish(NAMING)
            await with_variables(mine, plane, pool, tmp_path).fetch()
            plane.secrets_status = 500
            again = with_variables(mine, plane, pool, tmp_path)
            assert await again.load_last()
            assert held(mine) == {"first": "sk-1", "second": "sk-2"}
            plane.secrets_status = None
            del plane.secrets["second"]
            assert await again.fetch()
            assert held(mine) == {"first": "sk-1"}
            pool.close()

    run_on_loop(scene())


def test_a_key_is_used_for_its_hosts_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the control plane hands out, and whether it is there or only what was kept."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            pool = Pool()
            plane.secrets = {"first": "sk-1", "second": "sk-2"}
            plane.hosts = {"first": ["a.example"]}
            plane.publish(NAMING)
            await with_variables(mine, plane, pool, tmp_path).fetch()
            assert held(mine) == {"first": "sk-1"}
            plane.secrets_status = 500
            assert await with_variables(mine, plane, pool, tmp_path).load_last()
            assert held(mine) == {"first": "sk-1"}
            pool.close()

    run_on_loop(scene())
    assert {entry.__dict__.get("variable") for entry in caplog.records if "not used" in entry.message} == {"second"}
    assert "sk-2" not in caplog.text


def _impatient(self: Backoff, first: float = 0.01, most: float = 0.05) -> None:
    self._first, self._most, self._next = first, most, first
