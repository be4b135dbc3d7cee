"""Managed by a control plane: bundles and status, with the control plane there, away, wrong and back."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.core.errors import ApiError, InputError, UntrustedBundleError
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway import control_plane as control_plane_module
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.bundles import Bundles, BundleSettings
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.document import compile_document
from support.gateway_control import fake_control_plane, policy_named
from support.gateway_managed import managed, now, until
from support.gateway_parts import numbered, run_on_loop

GATEWAY_ID = "gw_" + "1" * 32


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff in milliseconds."""

    def init(self: Backoff, first: float = 0.01, most: float = 0.05) -> None:
        self._first, self._most, self._next = first, most, first

    monkeypatch.setattr(control_plane_module.Backoff, "__init__", init)


def test_bundle_is_verified_and_activated(tmp_path: Path) -> None:
    """The first bundle becomes active; the same one again is not fetched anew."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            assert await mine.bundles.fetch()
            assert mine.active == "test"
            assert mine.holder.active is not None
            assert (mine.holder.active.epoch, mine.bundles.gateway_id) == (1, GATEWAY_ID)
            assert not await mine.bundles.fetch()

    run_on_loop(scene())


def test_change_arrives_by_long_poll(tmp_path: Path) -> None:
    """A new version is active as soon as the control plane has it, with one waiting call and no polling."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            following = asyncio.ensure_future(mine.bundles.follow())
            await until(lambda: mine.active == "test")
            await asyncio.sleep(0.1)
            calls = len(plane.calls)
            plane.publish(policy_named("second"))
            await until(lambda: mine.active == "second")
            assert len(plane.calls) - calls <= 2
            following.cancel()

    run_on_loop(scene())


def test_an_instance_takes_its_part_of_a_canary(tmp_path: Path) -> None:
    """The lead runs the new version, any other the one that is stable; also when each starts again by itself."""

    async def scene() -> None:
        async with fake_control_plane() as plane:
            for instance, expected in (("gwi_lead", "second"), ("gwi_other", "test")):
                async with managed(plane, tmp_path / instance, instance_id=instance) as mine:
                    plane.publish(canary=canary("second", lead="gwi_lead"))
                    await mine.bundles.fetch()
                    assert mine.active == expected
                async with managed(plane, tmp_path / instance, instance_id=instance) as again:
                    assert await again.bundles.load_last()
                    assert again.active == expected

    run_on_loop(scene())


def canary(name: str, *, lead: str) -> dict[str, Any]:
    """A share of none but its lead."""
    text = policy_named(name)
    return {
        "percent": 0, "lead": lead, "configuration_id": "cfg_1", "configuration_version": 2,
        "config_digest": compile_document(text).digest, "policy_yaml": text,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"epoch": 0}, "epoch 1 was already accepted"),
        ({"not_after": "2020-01-01T00:00:00Z"}, "expired"),
        ({"gateway_id": "gw_other"}, "is for `gw_other`"),
    ],
)
def test_bundle_that_is_not_for_now_or_for_us_is_refused(tmp_path: Path, payload: dict[str, Any], words: str) -> None:
    """Rollback, expiry and somebody else's: what is active stays, and the status says why."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path, gateway_id=GATEWAY_ID) as mine:
            plane.publish()
            await mine.bundles.fetch()
            plane.publish(policy_named("wrong"), **payload)
            with pytest.raises(UntrustedBundleError, match=words):
                await mine.bundles.fetch()
            assert mine.active == "test"

    run_on_loop(scene())


def test_forged_bundle_is_refused(tmp_path: Path) -> None:
    """One byte changed in the payload, a key nobody named, something that is no bundle."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            await mine.bundles.fetch()
            good = plane.bundle
            assert good is not None
            plane.bundle = good | {"payload": good["payload"].replace('"epoch":1', '"epoch":2')}
            with pytest.raises(UntrustedBundleError, match="does not verify"):
                await mine.bundles.fetch()
            plane.bundle = good | {"key_id": "key_evil", "payload": good["payload"] + " "}
            with pytest.raises(UntrustedBundleError, match="does not name"):
                await mine.bundles.fetch()
            assert mine.active == "test"

    run_on_loop(scene())


def test_policy_that_does_not_lint_never_replaces_one_that_does(tmp_path: Path) -> None:
    """A well-signed bundle with a broken document is refused and reported."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            following = asyncio.ensure_future(mine.bundles.follow())
            await until(lambda: mine.active == "test")
            plane.publish("pack: {}\n")
            await until(lambda: mine.holder.last_error is not None)
            assert mine.active == "test"
            await mine.reporter.report()
            assert "E004" in plane.reports[-1]["last_error"]
            plane.publish(policy_named("third"))
            await until(lambda: mine.active == "third")
            assert mine.holder.last_error is None
            following.cancel()

    run_on_loop(scene())


def test_key_rotation_goes_over_the_authenticated_connection(tmp_path: Path) -> None:
    """A new key counts when the control plane names it, and both are pinned afterwards."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            await mine.bundles.fetch()
            plane.keys["key_2"] = bytes([7]) * 32
            plane.publish(policy_named("second"), key_id="key_2")
            await mine.bundles.fetch()
            assert mine.active == "second"
            assert json.loads((tmp_path / "keys.json").read_bytes()).keys() == {"key_1", "key_2"}
            assert plane.calls.count("GET /v1/trail/keys") == 2

    run_on_loop(scene())


def test_last_good_bundle_starts_a_gateway_alone(tmp_path: Path) -> None:
    """Without the control plane the stored bundle is verified again and enforced; a tampered one is not."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            await mine.bundles.fetch()
        async with managed(plane, tmp_path) as alone:
            assert await alone.bundles.load_last()
            assert alone.active == "test"
            with pytest.raises(ApiError):
                await alone.bundles.fetch()
        stored = json.loads((tmp_path / "bundle.json").read_bytes())
        changed = stored | {"payload": stored["payload"].replace("name: test", "name: evil")}
        (tmp_path / "bundle.json").write_text(json.dumps(changed))
        async with managed(plane, tmp_path) as alone:
            assert not await alone.bundles.load_last()
            assert alone.active is None
            assert "does not verify" in str(alone.holder.last_error)

    run_on_loop(scene())


def test_stored_epoch_guards_a_restart(tmp_path: Path) -> None:
    """A control plane restored from an old backup does not bring an old policy back."""

    async def scene() -> None:
        async with fake_control_plane() as plane:
            plane.epoch = 5
            async with managed(plane, tmp_path) as mine:
                plane.publish()
                await mine.bundles.fetch()
            plane.epoch = 2
            plane.publish(policy_named("old"))
            async with managed(plane, tmp_path) as mine:
                await mine.bundles.load_last()
                with pytest.raises(UntrustedBundleError, match="epoch 6 was already accepted"):
                    await mine.bundles.fetch()
                assert mine.active == "test"

    run_on_loop(scene())


def test_damaged_state_says_what_to_do(tmp_path: Path) -> None:
    """A file of pinned keys that cannot be read is not taken for an empty one."""

    async def scene() -> None:
        async with fake_control_plane() as plane:
            for name, content in (("list", "[]"), ("cut", "{")):
                directory = tmp_path / name
                directory.mkdir()
                (directory / "keys.json").write_text(content)
                pool = Pool()
                api = ControlPlane(pool, plane.url, plane.token, None)
                settings = BundleSettings(directory, None, None, lambda policy, _: Snapshot(policy=policy), now)
                with pytest.raises(InputError, match=r"keys\.json"):
                    Bundles(api, Holder(), settings)

    run_on_loop(scene())


def test_status_tells_digest_and_head(tmp_path: Path) -> None:
    """What runs, why it is not what was wanted, and the end of the chain."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.publish()
            await mine.bundles.fetch()
            await mine.spool.record(numbered(1)[0])
            mine.holder.refuse("something", "control plane")
            await mine.reporter.report()
            (report,) = plane.reports
            assert mine.holder.active is not None
            assert report == {
                "instance_id": mine.spool.instance_id,
                "version": "1.0.0",
                "active_digest": mine.holder.active.digest,
                "epoch": 1,
                "last_error": "something",
                "degraded": False,
                "head_sequence": 1,
                "head_hash": mine.spool.head.hash,
                "gateway_id": GATEWAY_ID,
            }

    run_on_loop(scene())


def test_refused_token_is_named(tmp_path: Path) -> None:
    """The control plane's own words, code and request id arrive with the error."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path, token="kt_gw_1_wrong") as mine:
            plane.publish()
            with pytest.raises(ApiError) as refused:
                await mine.bundles.fetch()
            assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")

    run_on_loop(scene())


def test_an_outage_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When it begins and when it is over, however often the control plane was asked meanwhile."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            plane.status = 503
            parts = [asyncio.ensure_future(part) for part in (mine.bundles.follow(), mine.reporter.run())]
            await until(lambda: plane.calls.count("GET /v1/gateway/bundle") > 3)
            await mine.reporter.report()
            plane.publish()
            plane.status = None
            await until(lambda: mine.active == "test")
            await mine.reporter.report()
            for part in parts:
                part.cancel()

    with caplog.at_level(logging.INFO, "keeptrusts.gateway"):
        run_on_loop(scene())
    said = [one.message for one in caplog.records if one.name.rpartition(".")[2] in {"bundles", "reporting"}]
    assert sorted(said) == [
        "no bundle; it is asked for until there is one",
        "the control plane hands out bundles again",
        "the status cannot be reported",
        "the status is reported again",
    ]
