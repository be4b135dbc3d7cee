"""Events on their way to the control plane, which may be away, slow to believe, or wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from keeptrusts.gateway import control_plane as control_plane_module
from keeptrusts.gateway.control_plane import Backoff
from keeptrusts.gateway.segments import read_segment, segments
from keeptrusts.trail.chain import verify
from support.gateway_control import fake_control_plane
from support.gateway_managed import managed, until
from support.gateway_parts import numbered, run_on_loop

GATEWAY_ID = "gw_" + "1" * 32


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff in milliseconds."""

    def init(self: Backoff, first: float = 0.01, most: float = 0.05) -> None:
        self._first, self._most, self._next = first, most, first

    monkeypatch.setattr(control_plane_module.Backoff, "__init__", init)


def test_events_are_shipped_and_their_segments_deleted(tmp_path: Path) -> None:
    """All of them, in order, in batches; only the newest segment stays."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            await asyncio.gather(*(mine.spool.record(event) for event in numbered(2500)))
            shipping = asyncio.ensure_future(mine.shipper.run())
            await until(lambda: mine.spool.shipped == 2500)
            assert verify(plane.events.values()) == []
            assert len(plane.events) == 2500
            assert max(plane.batches) <= 1000
            assert len(segments(tmp_path)) == 1
            await mine.spool.record(numbered(1, start=2500)[0])
            await until(lambda: mine.spool.shipped == 2501)
            shipping.cancel()

    run_on_loop(scene())


def test_control_plane_away_and_back(tmp_path: Path) -> None:
    """Records wait while it is away, over a restart of the gateway too, and arrive once it is back."""

    async def scene() -> None:
        async with fake_control_plane() as plane:
            port = plane.port
        async with managed(plane, tmp_path) as mine:
            shipping = asyncio.ensure_future(mine.shipper.run())
            for event in numbered(10):
                await mine.spool.record(event)
            await asyncio.sleep(0.2)
            assert mine.spool.shipped == 0
            shipping.cancel()
        async with fake_control_plane(port) as plane, managed(plane, tmp_path) as mine:
            await mine.spool.record(numbered(1, start=10)[0])
            plane.status = 503
            shipping = asyncio.ensure_future(mine.shipper.run())
            await until(lambda: len(plane.calls) >= 3)
            plane.status = None
            await until(lambda: mine.spool.shipped == 11)
            assert [event["number"] for event in plane.events.values()] == list(range(11))
            assert verify(plane.events.values()) == []
            shipping.cancel()

    run_on_loop(scene())


def test_redelivery_is_harmless(tmp_path: Path) -> None:
    """A batch whose receipt was lost is sent again and counted as duplicates."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            for event in numbered(3):
                await mine.spool.record(event)
            await mine.shipper.flush()
            assert mine.spool.shipped == 3
            (tmp_path / "shipped.json").unlink()
        async with fake_control_plane(plane.port) as again:
            again.events = plane.events
            async with managed(again, tmp_path) as mine:
                await mine.shipper.flush()
                assert (mine.spool.shipped, len(again.events)) == (3, 3)

    run_on_loop(scene())


def test_poison_events_hold_nothing_up(tmp_path: Path) -> None:
    """What is rejected by name is passed over; a batch that is refused whole is divided down to its culprit."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            events = numbered(20)
            plane.rejects = {events[3]["id"]}
            plane.refuses_batches = 11
            for event in events:
                await mine.spool.record(event)
            await mine.shipper.flush()
            assert mine.spool.shipped == 20
            assert sorted(event["number"] for event in plane.events.values()) == [
                number for number in range(20) if number not in {3, 11}
            ]

    run_on_loop(scene())


def test_damaged_segment_is_admitted_and_passed(tmp_path: Path) -> None:
    """Records that cannot be read any more leave a gap record, and what follows them is shipped."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            for event in numbered(60):
                await mine.spool.record(event)
            first = segments(tmp_path)[0]
            content = bytearray(first.read_bytes())
            content[len(content) // 2] ^= 1
            first.write_bytes(content)
            await mine.shipper.flush()
            assert mine.spool.shipped == mine.spool.head.sequence
            gaps = [event for event in plane.events.values() if event["event_type"] == "gap"]
            assert [gap["reason"] for gap in gaps] == ["spool_corrupt"]
            assert len(plane.events) == 60 - gaps[0]["count"] + 1
            assert verify(plane.events.values()) == []

    run_on_loop(scene())


def test_what_was_shipped_is_not_read_again(tmp_path: Path) -> None:
    """Damage to a record that has arrived holds up nothing behind it in the same segment."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            shipping = asyncio.ensure_future(mine.shipper.run())
            await asyncio.gather(*(mine.spool.record(event) for event in numbered(3)))
            await until(lambda: mine.spool.shipped == 3)
            (segment,) = segments(tmp_path)
            content = bytearray(segment.read_bytes())
            content[next(read_segment(segment)).end - 1] ^= 1
            segment.write_bytes(content)
            await asyncio.gather(*(mine.spool.record(event) for event in numbered(3, start=3)))
            await until(lambda: mine.spool.shipped == 6)
            shipping.cancel()
            assert len(plane.events) == 6
            assert verify(plane.events.values()) == []

    run_on_loop(scene())


def test_one_broken_channel_does_not_stop_another(tmp_path: Path) -> None:
    """Status and events go on while there is no bundle to be had."""

    async def scene() -> None:
        async with fake_control_plane() as plane, managed(plane, tmp_path) as mine:
            parts = [
                asyncio.ensure_future(part) for part in (mine.bundles.follow(), mine.reporter.run(), mine.shipper.run())
            ]
            await mine.spool.record(numbered(1)[0])
            await until(lambda: mine.spool.shipped == 1 and bool(plane.reports))
            assert mine.active is None
            plane.publish()
            await until(lambda: mine.active == "test")
            for part in parts:
                part.cancel()

    run_on_loop(scene())
