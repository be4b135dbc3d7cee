"""When a webhook's message is tried again. Pure: the caller brings the clock and the chance."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Before the first attempt, the second, and so on; each counts from the attempt before it."""

JITTER: Final = 0.2
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)


def wait_after(attempts: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta | None:
    """
    How long to wait when this many attempts have failed; None: that was the last one.

    Args:
        chance: From 0 to 1; spreads the wait by up to a fifth either way, so that many do not come back at once.
        retry_after: What the endpoint asked for; waits at least so long, though never more than a day.
    """
    if attempts >= len(DELAYS):
        return None
    planned = DELAYS[attempts] * (1 + JITTER * (2 * chance - 1))
    return max(planned, min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """The value of a `Retry-After` header (RFC 9110, 10.2.3), seconds or a date; None when it says nothing usable."""
    if text is None:
        return None
    if text.isascii() and text.strip().isdigit():
        return timedelta(seconds=min(int(text.strip()[:9]), int(LONGEST_RETRY_AFTER.total_seconds())))
    try:
        moment = parsedate_to_datetime(text)
        return max(timedelta(0), moment - now)
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None
