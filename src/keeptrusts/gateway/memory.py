"""How a gateway's process keeps its memory: what is collected, and what goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from typing import Final

_ARENA_MAX: Final = -8
"""`M_ARENA_MAX` of mallopt(3)."""


def settle_memory() -> None:
    """
    Once, before the first thread begins.

    Requests make no cycles worth looking for often: collect seldom, and never what lives for ever. The C library has a
    heap for each thread, so that they need not wait for one another; under one interpreter lock they hardly do, and
    what one heap has free the other could not use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def keep_for_ever() -> None:
    """A configuration became active: what is there stays, and what compiling it took goes back to the system."""
    gc.freeze()
    with suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
