"""Rates: at most so many in any window."""

from __future__ import annotations

from keeptrusts.gateway.quota import Quota
from keeptrusts.policy.compiled import RateLimit

GLOBAL = RateLimit("global", 2, 10)
USER = RateLimit("user", 1, 10)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_window_slides() -> None:
    """A request makes room exactly one window later, and the wait says when."""
    time = Time()
    quota = Quota(time)

    assert quota.take([GLOBAL], None, "") is None
    time.now += 4
    assert quota.take([GLOBAL], None, "") is None
    assert quota.take([GLOBAL], None, "") == 6
    time.now += 5.5
    assert quota.take([GLOBAL], None, "") == 1
    time.now += 0.5
    assert quota.take([GLOBAL], None, "") is None


def test_refused_request_takes_nothing() -> None:
    """When one limit refuses, none of the others is charged."""
    time = Time()
    quota = Quota(time)

    assert quota.take([GLOBAL, USER], "ann", "") is None
    assert quota.take([GLOBAL, USER], "ann", "") == 10
    assert quota.take([GLOBAL, USER], "bob", "") is None


def test_users_and_addresses_are_counted_apart() -> None:
    """Each has a count of its own; a request without a user is not in any user's."""
    quota = Quota(Time())
    ip = RateLimit("ip", 1, 10)

    assert quota.take([USER, ip], "ann", "1.1.1.1") is None
    assert quota.take([USER], "bob", "1.1.1.1") is None
    assert quota.take([ip], "cat", "1.1.1.1") == 10
    assert quota.take([USER, ip], None, "2.2.2.2") is None
    assert quota.take([USER], None, "") is None


def test_lower_limit_counts_what_came_before() -> None:
    """After a reload the requests of the last window still count."""
    time = Time()
    quota = Quota(time)
    for _ in range(5):
        assert quota.take([RateLimit("global", 10, 10)], None, "") is None

    assert quota.take([RateLimit("global", 2, 10)], None, "") == 10


def test_who_is_gone_is_forgotten() -> None:
    """Memory does not grow with everybody who ever called."""
    time = Time()
    quota = Quota(time)
    for number in range(1023):
        quota.take([USER], f"user{number}", "")
    time.now += 11
    quota.take([USER], "last", "")

    assert len(quota._taken) == 1
