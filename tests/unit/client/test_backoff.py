"""How long the client waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keeptrusts.client.backoff import LONGEST_S, delay, read_retry_after

NOW = datetime(2030, 1, 31, 8, 0, 0, tzinfo=UTC)


def test_pauses_grow_up_to_a_ceiling() -> None:
    """Each pause is at most twice the one before, and none is longer than the ceiling."""
    assert [delay(attempt, None, 0.999) for attempt in range(3)] == pytest.approx([0.25, 0.5, 1.0], rel=0.01)
    assert delay(40, None, 0.999) == pytest.approx(LONGEST_S, rel=0.01)


def test_dice_spread_clients_over_half_the_pause() -> None:
    """Clients that failed together do not come back together."""
    assert delay(2, None, 0.0) == 0.5
    assert delay(2, None, 0.5) == 0.75


def test_what_the_server_asks_is_the_least_that_is_waited() -> None:
    """`Retry-After` is honoured; one beyond patience is not waited for at all."""
    assert delay(0, 7.0, 0.0) == 7.0
    assert delay(0, 60.0, 0.0) == 60.0
    assert delay(0, 61.0, 0.0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 12 ", 12.0),
        ("-1", None),
        ("soon", None),
        ("Thu, 31 Jan 2030 08:00:05 GMT", 5.0),
        ("Thu, 31 Jan 2030 07:00:00 GMT", 0.0),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110 are understood; anything else says nothing."""
    assert read_retry_after(value, NOW) == seconds
