"""How long to wait before another try. Pure: the caller brings the clock and the dice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

FIRST_S: Final = 0.25
LONGEST_S: Final = 8.0
PATIENCE_S: Final = 60.0
"""A server that asks for a longer pause is not waited for: the caller is told instead."""


def delay(attempt: int, asked: float | None, dice: float) -> float | None:
    """
    Seconds before try `attempt + 1` (the first try is 0); None: do not wait for it.

    Args:
        asked: The answer's `Retry-After` in seconds.
        dice: A number in [0, 1), so that many clients do not come back at once.
    """
    if asked is None:
        ceiling: float = min(LONGEST_S, FIRST_S * 2.0**attempt)
        return ceiling * (0.5 + dice / 2)
    if asked > PATIENCE_S:
        return None
    return asked + FIRST_S * dice


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` (RFC 9110, 10.2.3: seconds or a date) asks for; None when it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    zoned = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (zoned - now).total_seconds())
