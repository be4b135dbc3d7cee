"""The time an export covers: a window that ends now (`1h`, `24h`, `30d`) or two moments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from keeptrusts.core.errors import InputError

LONGEST: Final = timedelta(days=3660)
_FORM = re.compile(r"([1-9][0-9]{0,4})([hd])", re.ASCII)
NEXT_STEP: Final = "write `window` as in `1h`, `24h` or `30d`, or give `from` and `to` as in `2026-01-31T12:00:00Z`"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start`, inclusive, to `end`, exclusive."""

    start: datetime
    end: datetime


def read_window(window: str | None, start: datetime | None, end: datetime | None, now: datetime) -> Window:
    """
    What was asked for. `to` may be absent beside `from`: until now. It may lie ahead: so may the clock of a gateway.

    Raises:
        InputError: `invalid_window`, with what to write instead.
    """
    if window is not None:
        if start is not None or end is not None:
            raise InputError("`window` and `from` or `to` exclude each other; " + NEXT_STEP, code="invalid_window")
        return Window(now - _length(window), now)
    if start is None:
        raise InputError("the time to cover is missing; " + NEXT_STEP, code="invalid_window")
    until = end or now
    if not start < until:
        raise InputError("`from` must be before `to`", code="invalid_window")
    return Window(start, until)


def _length(text: str) -> timedelta:
    found = _FORM.fullmatch(text)
    if found is None:
        raise InputError("the window cannot be read; " + NEXT_STEP, code="invalid_window")
    length = timedelta(hours=int(found[1])) if found[2] == "h" else timedelta(days=int(found[1]))
    if length > LONGEST:
        raise InputError(f"a window has at most {LONGEST.days} days; " + NEXT_STEP, code="invalid_window")
    return length
