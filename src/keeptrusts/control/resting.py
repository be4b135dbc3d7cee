"""
Endpoints that asked, by `Retry-After`, for a while without deliveries: not this one alone, any.

It is known to the process that was told. Another one, or the next, is told with its first attempt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

LONGEST_REST: Final = timedelta(hours=1)
"""For what was never tried; the delivery that was refused waits as long as it was asked to."""


class Resting:
    """By webhook, and the URL that asked: another one has asked for nothing. Safe to use from any thread."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[str, datetime]] = {}

    def begin(self, webhook_id: str, url: str, length: timedelta, now: datetime) -> None:
        """It asked for that long."""
        if len(self._until) >= _MOST_HELD:
            self._until = {one: held for one, held in self._until.copy().items() if held[1] > now}
        self._until[webhook_id] = (url, now + min(length, LONGEST_REST))

    def until(self, webhook_id: str, url: str, now: datetime) -> datetime | None:
        """When it may be asked again; None: now."""
        asked, end = self._until.get(webhook_id, (url, now))
        return end if asked == url and end > now else None


_MOST_HELD: Final = 1000
"""Before those are forgotten whose time is over."""
