"""Rates and budgets in one process: at most so much in any window, or in any day."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from keeptrusts.flow.effects import Meter, Room
from keeptrusts.gateway import quota as quota_module
from keeptrusts.gateway.quota import Quota

R = TypeVar("R")
GLOBAL = Meter("all", "requests", 2, 10, 1)
USER = Meter("ann", "requests", 1, 10, 1)
TOKENS = Meter("tokens", "tokens", 100, 10, 30)


class Time:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def now(work: Coroutine[Any, Any, R]) -> R:
    return asyncio.run(work)


def take(quota: Quota, *meters: Meter) -> Room:
    return now(quota.take(meters))


def wait(quota: Quota, *meters: Meter) -> int | None:
    room = take(quota, *meters)
    return None if room.refused is None else room.wait_seconds


def test_window_slides() -> None:
    """A request makes room exactly one window later, and the wait says when."""
    time = Time()
    quota = Quota(time)

    assert wait(quota, GLOBAL) is None
    time.now += 4
    assert wait(quota, GLOBAL) is None
    assert wait(quota, GLOBAL) == 6
    time.now += 5.5
    assert wait(quota, GLOBAL) == 1
    time.now += 0.5
    assert wait(quota, GLOBAL) is None


def test_refused_request_takes_nothing() -> None:
    """When one limit refuses, none of the others is charged; the one without room is named."""
    quota = Quota(Time())

    assert take(quota, GLOBAL, USER) == Room(None, 0, (1, 0), (10, 10), 1_000_000)
    assert take(quota, GLOBAL, USER) == Room(1, 10, (1, 0), (10, 10), 1_000_000)
    assert wait(quota, GLOBAL, replace(USER, key="bob")) is None


def test_the_longest_wait_is_told() -> None:
    """Of several that refuse."""
    time = Time()
    quota = Quota(time)
    long = replace(USER, key="long", window_seconds=60)
    take(quota, USER, long)

    assert take(quota, USER, long).refused == 1
    assert take(quota, long, USER) == Room(0, 60, (0, 0), (60, 10), 1_000_000)


def test_lower_limit_counts_what_came_before() -> None:
    """After a reload the requests of the last window still count."""
    quota = Quota(Time())
    for _ in range(5):
        assert wait(quota, replace(GLOBAL, most=10)) is None

    assert wait(quota, replace(GLOBAL, most=2)) == 10


def test_tokens_have_room_while_any_are_left() -> None:
    """What an answer comes to is not known before, so the last request may pass the limit; the next does not."""
    time = Time()
    quota = Quota(time)

    assert [take(quota, TOKENS).left for _ in range(4)] == [(70,), (40,), (10,), (0,)]
    assert wait(quota, TOKENS) == 10
    time.now += 10
    assert wait(quota, TOKENS) is None


def test_tokens_are_set_right() -> None:
    """In the slice in which they were taken: what is given back is not given back twice."""
    time = Time()
    quota = Quota(time)
    large = replace(TOKENS, amount=90)
    taken = take(quota, large)
    time.now += 8
    now(quota.settle([(large, -80)], taken.at_ms))
    assert take(quota, large).left == (0,)
    time.now += 2.5
    assert take(quota, replace(TOKENS, amount=10)).left == (0,)


def test_what_is_over_is_not_set_right() -> None:
    """An answer may take longer than the window."""
    time = Time()
    quota = Quota(time)
    taken = take(quota, TOKENS)
    time.now += 20
    now(quota.settle([(TOKENS, 1000)], taken.at_ms))
    now(quota.settle([(replace(TOKENS, key="unknown"), 1000)], taken.at_ms))

    assert take(quota, TOKENS).left == (70,)


def test_days_are_of_utc() -> None:
    """What was taken before midnight does not count after it."""
    time = Time(86_400 * 20_000 - 5)
    quota = Quota(time)
    daily = Meter("agent", "requests", 1, 86_400, 1, daily=True)

    assert take(quota, daily).reset_seconds == (5,)
    assert wait(quota, daily) == 5
    time.now += 5
    assert wait(quota, daily) is None
    assert wait(quota, daily) == 86_400


def test_memory_is_bounded() -> None:
    """By slices for one key, and by whoever was seen in the last window for all of them."""
    time = Time()
    quota = Quota(time)
    many = replace(GLOBAL, most=10**9)
    for _ in range(5000):
        time.now += 0.001
        take(quota, many)
    assert len(quota._tallies["all"]._slices) <= 1001
    for number in range(2048):
        take(quota, replace(USER, key=f"user{number}"))
    time.now += 11
    for _ in range(1024):
        take(quota, many)
    assert len(quota._tallies) == 2, "not all of them at once"
    for _ in range(1024):
        take(quota, many)

    assert list(quota._tallies) == ["all"]


def test_callers_that_name_themselves_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was not seen for longest goes first; a budget for the day is not forgotten."""
    monkeypatch.setattr(quota_module, "MOST_KEYS", 4)
    quota = Quota(Time())
    budget = Meter("agent", "requests", 1, 86_400, 1, daily=True)
    take(quota, budget)
    for name in ("ann", "bob", "cat"):
        take(quota, replace(USER, key=name))
    take(quota, replace(USER, key="ann"))
    for name in ("dan", "eve"):
        take(quota, replace(USER, key=name))

    assert sorted(quota._tallies) == ["agent", "ann", "dan", "eve"]
    assert wait(quota, budget) is not None
