"""How long an endpoint that asked for time gets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keeptrusts.control.resting import LONGEST_REST, Resting

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_as_long_as_it_asked() -> None:
    """And an hour at most; then it is asked again."""
    resting = Resting()
    resting.begin("wh_1", "https://a", timedelta(seconds=30), NOW)
    resting.begin("wh_2", "https://b", timedelta(days=1), NOW)
    assert resting.until("wh_1", "https://a", NOW) == NOW + timedelta(seconds=30)
    assert resting.until("wh_1", "https://a", NOW + timedelta(seconds=30)) is None
    assert resting.until("wh_2", "https://b", NOW) == NOW + LONGEST_REST


def test_another_endpoint_asked_for_nothing() -> None:
    """Neither another webhook, nor this one at another URL."""
    resting = Resting()
    resting.begin("wh_1", "https://a", timedelta(seconds=30), NOW)
    assert resting.until("wh_2", "https://a", NOW) is None
    assert resting.until("wh_1", "https://other", NOW) is None


def test_many_do_not_stay() -> None:
    """Those whose time is over are forgotten."""
    resting = Resting()
    for number in range(3000):
        resting.begin(f"wh_{number}", "https://a", timedelta(seconds=1), NOW + timedelta(seconds=number))
    assert len(resting._until) <= 1001
