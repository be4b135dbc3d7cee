"""What a clock that jumps does to the gateway: to ids and records, to windows of limits, to bundles."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keeptrusts.core.errors import UntrustedBundleError
from keeptrusts.flow.chat import serve
from keeptrusts.flow.effects import Meter
from keeptrusts.gateway.segments import read_events
from keeptrusts.gateway.settings import Settings
from keeptrusts.gateway.shared_quota import counting
from keeptrusts.trail.bundle import check_fresh
from keeptrusts.trail.chain import verify
from support.flows import HELLO
from support.flows import answer as completion
from support.gateway_parts import CLOSE, always, answer, fields, gateway, policy_to, post, provider, run_on_loop

YEAR_S = 365 * 86_400.0


@contextmanager
def jumped(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """The wall clock is so far off; the one that only counts on is not."""
    now, now_ns = time.time, time.time_ns
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now() + seconds)
        patched.setattr(time, "time_ns", lambda: now_ns() + int(seconds * 10**9))
        yield


@pytest.mark.parametrize("seconds", [-YEAR_S, -3600.0, 3600.0, YEAR_S])
def test_records_stay_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The chain says which came first, whatever the clock said; ids still rise, and nothing took less than no time."""

    async def scene() -> None:
        up = provider(always(answer(completion("hi"))))
        async with up as told, gateway(tmp_path, policy_to(told.port), serve=serve) as rig:
            assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200
            with jumped(monkeypatch, seconds):
                assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200
            assert fields(await rig.ask(post(HELLO, CLOSE)))[0] == 200
            await rig.recorded(3)

    run_on_loop(scene())
    events = list(read_events(tmp_path))
    decisions = [event for event in events if event["event_type"] == "decision"]
    times = [datetime.fromisoformat(one["timestamp"]) for one in decisions]

    assert verify(events) == []
    assert [one["id"] for one in decisions] == sorted(one["id"] for one in decisions)
    assert abs((times[1] - times[0]).total_seconds() - seconds) < 60
    assert all(one["latency_ms"] >= 0 for one in decisions)


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
@pytest.mark.parametrize("daily", [False, True])
def test_limits_do_not_look_at_the_wall(monkeypatch: pytest.MonkeyPatch, seconds: float, daily: bool) -> None:
    """A jump neither opens a window that is full nor closes one that has room, and nobody waits for an hour more."""
    meter = Meter("k", "requests", most=2, window_seconds=60, amount=1, daily=daily)

    async def scene() -> list[int | None]:
        quota = counting(Settings(host="127.0.0.1", port=0, spool_dir=Path("unused")))
        rooms = [await quota.take([meter])]
        with jumped(monkeypatch, seconds):
            rooms += [await quota.take([meter]), await quota.take([meter])]
        rooms.append(await quota.take([meter]))
        assert max(room.wait_seconds for room in rooms) <= (86_400 if daily else 60)
        return [room.refused for room in rooms]

    assert asyncio.run(scene()) == [None, None, 0, 0]


def test_bundles_expire_by_the_clock_there_is() -> None:
    """Ahead of time a good one is refused, and the one in force stays; behind it, epochs hold old ones back."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    payload = {"epoch": 7, "not_after": "2026-01-09T00:00:00Z"}

    check_fresh(payload, last_epoch=6, now=now)
    with pytest.raises(UntrustedBundleError):
        check_fresh(payload, last_epoch=6, now=now + timedelta(days=30))
    with pytest.raises(UntrustedBundleError):
        check_fresh(payload, last_epoch=8, now=now - timedelta(days=30))
