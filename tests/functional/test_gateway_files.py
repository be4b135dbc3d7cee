"""Standalone: policy files, in layers, watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keeptrusts.core.errors import InputError
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway import files as files_module
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.callers import ClientKey, read_client_keys
from keeptrusts.gateway.files import PolicyFiles, read_layers
from keeptrusts.gateway.settings import Settings
from keeptrusts.policy.findings import InvalidPolicyError
from keeptrusts.policy.layers import merge
from support.gateway_control import POLICY, policy_named
from support.gateway_parts import run_on_loop


def watched(*paths: Path) -> tuple[PolicyFiles, Holder]:
    holder = Holder()
    return PolicyFiles(paths, holder, lambda policy: Snapshot(policy=policy), fail_open=False), holder


def name(holder: Holder) -> str | None:
    return holder.active.snapshot.policy.name if holder.active else None


async def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true in 5 seconds")


def test_files_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change becomes active, a broken file or none changes nothing, a repaired one does."""
    monkeypatch.setattr(files_module, "POLL_SECONDS", 0.01)
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)

    async def scene() -> None:
        files, holder = watched(path)
        assert await files.load()
        assert not await files.load()
        watching = asyncio.ensure_future(files.watch())
        path.write_text(policy_named("second"))
        await until(lambda: name(holder) == "second")
        path.write_text("pack: {}\n")
        await until(lambda: holder.last_error is not None)
        assert name(holder) == "second"
        path.unlink()
        await until(lambda: "cannot be read" in str(holder.last_error))
        path.write_text(policy_named("fourth"))
        await until(lambda: name(holder) == "fourth")
        assert holder.last_error is None
        watching.cancel()

    run_on_loop(scene())


def test_reload_says_what_is_wrong(tmp_path: Path) -> None:
    """Each time it is asked, not only the first time."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)

    async def scene() -> None:
        files, holder = watched(path)
        await files.load()
        path.write_text(POLICY.replace("audit-logger]", "audit-loger]"))
        for _ in range(2):
            with pytest.raises(InvalidPolicyError, match="E001"):
                await files.reload()
        path.write_text(POLICY)
        assert await files.reload()
        assert holder.last_error is None

    run_on_loop(scene())


def test_everybody_who_reloads_at_once_hears_what_is_wrong(tmp_path: Path) -> None:
    """Also those who waited while the broken file was read for another one."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)

    async def scene() -> None:
        files, holder = watched(path)
        await files.load()
        path.write_text("pack: {}\n")
        said = await asyncio.gather(files.reload(), files.reload(), files.reload(), return_exceptions=True)
        assert [type(one) for one in said] == [InvalidPolicyError] * 3
        assert holder.last_error is not None

    run_on_loop(scene())


def test_layers_replace_keys_and_whole_lists(tmp_path: Path) -> None:
    """The later file wins key by key; a list is replaced, not extended; the result is linted."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text(POLICY)
    over.write_text("pack: {version: 2.0.0}\nproviders:\n  targets: [{id: other, provider: mock}]\n")

    async def scene() -> None:
        files, holder = watched(base, over)
        await files.load()
        assert holder.active is not None
        policy = holder.active.snapshot.policy
        assert (policy.name, policy.version) == ("test", "2.0.0")
        assert [target.target.id for target in policy.targets] == ["other"]

    run_on_loop(scene())
    assert merge({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}, "d": 4}) == {"a": {"b": 1, "c": [3]}, "d": 4}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a\n", "is not a mapping"),
        (b"a: 1\na: 2\n", r"over\.yaml:2:1`: `a` is given twice"),
        (b"a: [\n", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_broken_layer_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    """File, line and reason."""
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text(POLICY)
    over.write_bytes(content)

    with pytest.raises(InputError, match=words):
        read_layers([base, over])


def test_client_keys_are_read(tmp_path: Path) -> None:
    """Name, digest, and an expiry if there is one."""
    path = tmp_path / "keys"
    digest = "sha256:" + "0" * 64
    path.write_text(f"# ours\n\napp {digest}\nbatch sha256:{'1' * 64} expires 2026-01-01T01:00:00+01:00\n")

    keys = read_client_keys(path)._keys
    assert keys == {
        digest: ClientKey("app"),
        "sha256:" + "1" * 64: ClientKey("batch", datetime(2026, 1, 1, tzinfo=UTC)),
    }


@pytest.mark.parametrize(
    "line",
    [
        "app",
        "app sha256:00",
        "app " + "0" * 64,
        f"app sha256:{'0' * 64} until 2026-01-01T00:00:00Z",
        f"app sha256:{'0' * 64} expires",
        f"app sha256:{'0' * 64} expires tomorrow",
        f"app sha256:{'0' * 64} expires 2026-01-01T00:00:00",
    ],
)
def test_broken_line_of_client_keys_is_named(tmp_path: Path, line: str) -> None:
    """A line that is not understood is never skipped."""
    path = tmp_path / "keys"
    path.write_text(f"ok sha256:{'0' * 64}\n{line}\n")
    with pytest.raises(InputError, match="keys:2"):
        read_client_keys(path)


def test_missing_client_keys_are_an_error(tmp_path: Path) -> None:
    """A file that is not there does not open the gateway to everybody."""
    with pytest.raises(InputError, match="cannot be read"):
        read_client_keys(tmp_path / "none")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "--policy-config"),
        ({"api_url": "http://x"}, "needs a token"),
        ({"api_url": "ftp://x", "token": "t"}, "not a URL"),
        ({"policy_files": (Path("p"),), "api_url": "http://x"}, "needs a token"),
    ],
)
def test_settings_that_cannot_work_say_what_is_missing(told: dict[str, object], words: str) -> None:
    """Nothing is begun, and the next step is named."""
    settings = Settings(host="127.0.0.1", port=0, spool_dir=Path("s"), **told)  # type: ignore[arg-type] # parametrised
    with pytest.raises(InputError, match=words):
        settings.check()


def test_secrets_of_settings_are_not_shown() -> None:
    """Neither token stands in a log line."""
    settings = Settings(host="", port=0, spool_dir=Path(), token="s3cret", admin_token="s3cret")

    assert "s3cret" not in repr(settings)
