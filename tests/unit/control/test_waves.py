"""A change reaches those who wait in order, some at a time, and several changes take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

import pytest

from keeptrusts.control import waves as waves_of
from keeptrusts.control.bundles import Bundles
from keeptrusts.control.hub import Hub, gateway_topic
from keeptrusts.control.waves import Waves

pytestmark = pytest.mark.usefixtures("slices_of_three")


class Answering:
    """What stands for the bundles: notes who was awake each time that some have asked."""

    def __init__(self, waiting: dict[str, asyncio.Future[None]]) -> None:
        self._waiting = waiting
        self.awake: list[list[str]] = []

    def answering(self) -> set[asyncio.Task[None]]:
        self.awake.append([name for name, future in self._waiting.items() if future.done()])
        return {asyncio.ensure_future(asyncio.sleep(0))}

    def epochs(self, gateway_ids: Iterable[str]) -> dict[str, int]:
        return dict.fromkeys(gateway_ids, 2)


@pytest.fixture
def slices_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves_of, "SLICE", 3)


def _run(names: str, change: Callable[[Waves], None]) -> tuple[list[str], Waves]:
    """Let all of these wait, and those who were awake after each slice."""

    async def run() -> tuple[list[str], Waves]:
        hub = Hub()
        hub.start()
        waiting = {name: hub.expect(gateway_topic(name)) for name in names}
        answering = Answering(waiting)
        waves = Waves(hub, cast("Bundles", answering))
        change(waves)
        await _until(lambda: all(future.done() for future in waiting.values()) and waves.resting)
        return ["".join(awake) for awake in answering.awake], waves

    return asyncio.run(run())


async def _until(what: Callable[[], bool]) -> None:
    async def look() -> None:
        while not what():  # noqa: ASYNC110  there is nothing that tells
            await asyncio.sleep(0)

    done: Awaitable[None] = look()
    await asyncio.wait_for(done, 10)


def test_they_are_woken_some_at_a_time() -> None:
    """In the order they are named. Who does not wait is passed over."""
    awake, waves = _run("abcdefgh", lambda waves: waves.begin("abcdxefgh"))
    assert awake == ["abc", "abcdef", "abcdefgh"]
    assert waves.take_told() == dict.fromkeys("abcdefgh", 2)
    assert waves.take_told() == {}


def test_changes_take_turns() -> None:
    """One gateway does not wait until another change has reached all of its many."""

    def change(waves: Waves) -> None:
        waves.begin("abcdefgh")
        waves.begin("z")

    awake, _ = _run("abcdefghz", change)
    assert awake == ["abc", "abcz", "abcdefz", "abcdefghz"]


def test_who_is_still_to_be_woken_is_woken_once() -> None:
    """It will ask for the newest, whatever changed since."""

    def change(waves: Waves) -> None:
        waves.begin("abcdefgh")
        waves.begin("ghz")

    awake, _ = _run("abcdefghz", change)
    assert awake == ["abc", "abcz", "abcdefz", "abcdefghz"]
