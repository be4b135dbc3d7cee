"""The time an export covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keeptrusts.control.windows import Window, read_window
from keeptrusts.core.errors import InputError

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [("1h", timedelta(hours=1)), ("24h", timedelta(hours=24)), ("30d", timedelta(days=30)), ("3660d", timedelta(3660))],
)
def test_a_window_ends_now(text: str, length: timedelta) -> None:
    """Hours or days back."""
    assert read_window(text, None, None, NOW) == Window(NOW - length, NOW)


def test_two_moments() -> None:
    """`to` may be left out."""
    start, end = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    assert read_window(None, start, end, NOW) == Window(start, end)
    assert read_window(None, start, None, NOW) == Window(start, NOW)


def test_an_end_that_lies_ahead() -> None:
    """Stays where it is: a gateway whose clock is wrong records there."""
    start, end = NOW - timedelta(hours=2), NOW + timedelta(days=300)
    assert read_window(None, start, end, NOW) == Window(start, end)


@pytest.mark.parametrize("text", ["", "h", "0h", "01h", "1", "1w", "1 h", "-1h", "1.5h", "1H", "٣h", "3661d", "99999d"])
def test_what_is_no_window(text: str) -> None:
    """Refused, with what to write."""
    with pytest.raises(InputError, match="`24h`") as refused:
        read_window(text, None, None, NOW)
    assert refused.value.code == "invalid_window"


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        (None, None, None),
        (None, None, NOW),
        (None, NOW, NOW),
        (None, NOW, NOW - timedelta(1)),
        (None, NOW + timedelta(1), None),
        ("1h", NOW, None),
        ("1h", None, NOW),
    ],
)
def test_what_covers_nothing(window: str | None, start: datetime | None, end: datetime | None) -> None:
    """Nothing given, two ways given, or an end before the start."""
    with pytest.raises(InputError):
        read_window(window, start, end, NOW)
