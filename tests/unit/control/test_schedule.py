"""When a webhook's message is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keeptrusts.control.schedule import DELAYS, read_retry_after, wait_after

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_the_stated_schedule() -> None:
    """0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; then no more."""
    waits = [wait_after(attempts, chance=0.5) for attempts in range(11)]
    hours = [0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert waits == [*(timedelta(hours=one) for one in hours), None]
    assert wait_after(99, chance=0.5) is None


@pytest.mark.parametrize("attempts", range(1, len(DELAYS)))
def test_jitter_is_a_fifth_either_way(attempts: int) -> None:
    """The extremes, and nothing beyond them."""
    planned = DELAYS[attempts]
    assert wait_after(attempts, chance=0) == planned * 0.8
    assert wait_after(attempts, chance=1) == planned * 1.2


def test_what_the_endpoint_asks_for() -> None:
    """It can make the wait longer, up to a day, and never shorter; after the last attempt it changes nothing."""
    assert wait_after(1, chance=0.5, retry_after=timedelta(minutes=9)) == timedelta(minutes=9)
    assert wait_after(4, chance=0.5, retry_after=timedelta(minutes=9)) == timedelta(hours=2)
    assert wait_after(1, chance=0.5, retry_after=timedelta(days=99)) == timedelta(hours=24)
    assert wait_after(10, chance=0.5, retry_after=timedelta(minutes=9)) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("999999999999999999", 24 * 3600),
        ("Sat, 31 Jan 2026 12:01:00 GMT", 60),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("", None),
        (None, None),
        ("Sat, 31 Jan 2026 12:01:00", None),
    ],
)
def test_retry_after(text: str | None, seconds: int | None) -> None:
    """Seconds or a date (RFC 9110, 10.2.3); what is neither says nothing."""
    assert read_retry_after(text, NOW) == (None if seconds is None else timedelta(seconds=seconds))
