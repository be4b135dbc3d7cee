"""Request rates, counted in this process: at most so many in any window, for all, for a user, for an address."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from keeptrusts.policy.compiled import LimitName, RateLimit

_SWEEP_EVERY: Final = 1024


class Quota:
    """
    The requests of the last windows.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._taken: dict[tuple[LimitName, str], deque[float]] = {}
        self._windows: dict[LimitName, int] = {}
        self._until_sweep = _SWEEP_EVERY

    def take(self, limits: Iterable[RateLimit], user: str | None, ip: str) -> int | None:
        """
        Count a request against every limit that applies; all of them or none.

        Returns:
            None when there was room, else the seconds after which there is.
        """
        now = self._clock()
        self._sweep(now)
        rooms = []
        waits = []
        for limit in limits:
            who = {"global": "", "user": user, "ip": ip}[limit.name]
            if who is None:
                continue
            self._windows[limit.name] = limit.window_seconds
            taken = self._taken.setdefault((limit.name, who), deque())
            _forget(taken, now - limit.window_seconds)
            rooms.append(taken)
            if len(taken) >= limit.max_requests:
                oldest = taken[len(taken) - limit.max_requests] if limit.max_requests else now
                waits.append(oldest + limit.window_seconds - now)
        if waits:
            return max(1, math.ceil(max(waits)))
        for taken in rooms:
            taken.append(now)
        return None

    def _sweep(self, now: float) -> None:
        """Forget whoever has not been seen for a whole window."""
        self._until_sweep -= 1
        if self._until_sweep:
            return
        self._until_sweep = _SWEEP_EVERY
        for key, taken in tuple(self._taken.items()):
            _forget(taken, now - self._windows[key[0]])
            if not taken:
                del self._taken[key]


def _forget(taken: deque[float], until: float) -> None:
    while taken and taken[0] <= until:
        taken.popleft()
