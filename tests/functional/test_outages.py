"""What the log says while the database is away: once that it is, and once that it is back."""

from __future__ import annotations

import asyncio
import logging

import pytest

from keeptrusts.control import outages, workers
from keeptrusts.control.services import Services
from keeptrusts.store.errors import StoreUnavailableError
from support.control import Plane


def test_many_workers_say_it_once(
    still: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each goes on when it answers again; a failure soon after belongs to the same outage."""
    monkeypatch.setattr(outages, "PAUSE_S", 0.01)
    monkeypatch.setattr(outages, "STEADY_S", 0.2)
    answers = iter([False, False, True, True, True])
    asked: list[bool] = []

    def answer(_store: object) -> bool:
        asked.append(next(answers))
        return asked[-1]

    monkeypatch.setattr(outages, "_answers", answer)
    caplog.set_level(logging.INFO, "keeptrusts.control")
    runs = asyncio.run(_until_steady(still.services))
    assert runs == [3] * 5
    assert asked == [False, False, True, True]
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [
        ("WARNING", "the database is away, full or busy; workers wait for it"), ("INFO", "the database is back")
    ]  # fmt: skip


async def _until_steady(services: Services) -> list[int]:
    """Five workers that fail together twice and then go on."""
    runs = [0] * 5
    all_went_on = asyncio.Event()
    together = [asyncio.Barrier(5), asyncio.Barrier(5)]

    def make(number: int) -> workers.Worker:
        async def work(_services: Services) -> None:
            runs[number] += 1
            if runs[number] <= len(together):
                await together[runs[number] - 1].wait()
                away = StoreUnavailableError("away")
                raise away if number else ExceptionGroup("of several tasks", [away])
            if runs == [3] * 5:
                all_went_on.set()
            await asyncio.Event().wait()

        return work

    tasks = workers.start(services, [make(number) for number in range(5)])
    async with asyncio.timeout(20):
        await all_went_on.wait()
    await asyncio.sleep(2 * outages.STEADY_S)  # behind the timer of the same loop
    await workers.stop(tasks)
    return runs


def test_a_store_that_is_closed_does_not_answer(still: Plane) -> None:
    """The look is a real one."""
    assert outages._answers(still.services.store)
    still.services.store.close()
    assert not outages._answers(still.services.store)
