"""Rates and budgets, counted in this process: at most so much in any window, or in any day."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from keeptrusts.flow.effects import Meter, Room

SLICES: Final = 1000
"""Of a window. What falls into one of them is kept as one, and lasts as long as the latest of it."""

MOST_KEYS: Final = 100_000
"""Callers may name themselves as they like: those that were not seen for longest are forgotten first."""

DAY_MS: Final = 86_400_000
_SWEEP_EVERY: Final = 1024
_SWEPT: Final = 2 * _SWEEP_EVERY
"""Keys at a time: all of them at once would hold a request up for a tenth of a second."""


class Counting(Protocol):
    """Whoever counts."""

    async def take(self, meters: Sequence[Meter]) -> Room:
        """As `flow.effects.TakeQuota` asks for it. Raises `QuotaUnavailableError`."""

    async def settle(self, changes: Sequence[tuple[Meter, int]], at_ms: int) -> None:
        """As `flow.effects.SettleQuota` asks for it."""

    async def close(self) -> None:
        """Let go of what it holds."""


class _Tally:
    """What was counted for one key: slices in the order of time, each with its latest time and its sum."""

    def __init__(self, meter: Meter) -> None:
        self.window_ms = meter.window_seconds * 1000
        self.daily = meter.daily
        self._slices: dict[int, list[int]] = {}
        self.sum = 0

    def forget(self, now: int) -> None:
        """Drop what no window that ends now or later can see."""
        for index, (latest, amount) in tuple(self._slices.items()):
            if not self._is_over(latest, now):
                return
            self.sum -= amount
            del self._slices[index]

    def add(self, amount: int, at: int) -> None:
        index = at * SLICES // self.window_ms
        one = self._slices.setdefault(index, [at, 0])
        one[0] = max(one[0], at)
        one[1] += amount
        self.sum += amount

    def correct(self, amount: int, at: int) -> None:
        """Change what was counted at that time; nothing, when no window sees it any more."""
        one = self._slices.get(at * SLICES // self.window_ms)
        if one is not None:
            one[1] += amount
            self.sum += amount

    def wait_ms(self, too_much: int, now: int) -> int:
        """Until so much of what is here is over."""
        for latest, amount in self._slices.values():
            too_much -= amount
            if too_much <= 0:
                return self._over_at(latest) - now
        return self.window_ms

    def reset_ms(self, now: int) -> int:
        """Until all of it is over."""
        latest = next(reversed(self._slices.values()), None)
        return 0 if latest is None else self._over_at(latest[0]) - now

    def _is_over(self, latest: int, now: int) -> bool:
        return self._over_at(latest) <= now

    def _over_at(self, latest: int) -> int:
        return (latest // DAY_MS + 1) * DAY_MS if self.daily else latest + self.window_ms

    @property
    def is_empty(self) -> bool:
        return not self._slices


class Quota:
    """
    Args:
        clock: Seconds since the epoch, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # A plain dict takes the longer to find its first key, the more were taken away before it.
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._until_sweep = _SWEEP_EVERY
        self._to_sweep: list[str] = []

    async def take(self, meters: Sequence[Meter]) -> Room:
        """Add to all of these meters, or to none."""
        now = round(self._clock() * 1000)
        self._sweep(now)
        tallies = [self._tally(meter, now) for meter in meters]
        waits = [_wait_ms(meter, tally, now) for meter, tally in zip(meters, tallies, strict=True)]
        refused = max(range(len(meters)), key=waits.__getitem__) if any(waits) else None
        if refused is None:
            for meter, tally in zip(meters, tallies, strict=True):
                tally.add(meter.amount, now)
        return Room(
            refused,
            0 if refused is None else _seconds(waits[refused]),
            tuple(max(0, meter.most - tally.sum) for meter, tally in zip(meters, tallies, strict=True)),
            tuple(_seconds(tally.reset_ms(now)) for tally in tallies),
            now,
        )

    async def settle(self, changes: Sequence[tuple[Meter, int]], at_ms: int) -> None:
        """Change what was taken at that time."""
        for meter, amount in changes:
            tally = self._tallies.get(meter.key)
            if tally is not None:
                tally.correct(amount, at_ms)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _tally(self, meter: Meter, now: int) -> _Tally:
        tally = self._tallies.pop(meter.key, None)
        if tally is None:
            self._make_room()
            tally = _Tally(meter)
        self._tallies[meter.key] = tally  # at the end: the order is that of last use
        tally.forget(now)
        return tally

    def _make_room(self) -> None:
        """Budgets for a day stay: the document names who has one, so they are few."""
        if len(self._tallies) < MOST_KEYS:
            return
        oldest = next((key for key, tally in self._tallies.items() if not tally.daily), None)
        if oldest is not None:
            del self._tallies[oldest]

    def _sweep(self, now: int) -> None:
        """Forget whoever has not been seen for a whole window."""
        self._until_sweep -= 1
        if self._until_sweep:
            return
        self._until_sweep = _SWEEP_EVERY
        self._to_sweep = self._to_sweep or list(self._tallies)
        for key in self._to_sweep[-_SWEPT:]:
            tally = self._tallies.get(key)
            if tally is not None:
                tally.forget(now)
                if tally.is_empty:
                    del self._tallies[key]
        del self._to_sweep[-_SWEPT:]


def _wait_ms(meter: Meter, tally: _Tally, now: int) -> int:
    """0 when there is room."""
    # A request is one; of tokens and money it is not known how many they will be, so anything that is left is room.
    added = meter.amount if meter.unit == "requests" else 1
    too_much = tally.sum + added - meter.most
    return max(1, tally.wait_ms(too_much, now)) if too_much > 0 else 0


def _seconds(ms: int) -> int:
    return max(1, math.ceil(ms / 1000)) if ms > 0 else 0
