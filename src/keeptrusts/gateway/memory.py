"""How a gateway's process keeps its memory: what is collected, and what goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from functools import cache
from typing import Final

_KEPT_BYTES: Final = 128 * 1024
_SETTINGS: Final = {-8: 1, -1: _KEPT_BYTES, -3: _KEPT_BYTES}
"""Of mallopt(3): `M_ARENA_MAX`, `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD`."""


def settle_memory() -> None:
    """
    Once, before the first thread begins.

    Requests make no cycles worth looking for often: collect seldom, and never what lives for ever. The C library has a
    heap for each thread, so that they need not wait for one another; under one interpreter lock they hardly do, and
    what one heap has free the other could not use. By itself it also learns from the largest body that came by to keep
    ever more for the next one; it is held to what it begins with.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with suppress(AttributeError, OSError):  # only glibc has it
        for setting, value in _SETTINGS.items():
            _libc().mallopt(setting, value)


def keep_configuration(*, is_first: bool) -> None:
    """
    A configuration became active: what compiling it took goes back to the system.

    What is there with the first one stays for ever. With a later one nothing may be kept so: it would be kept with
    all that was about to go, at every reload. There is little to look through, as the rest stays for ever.
    """
    if is_first:
        gc.freeze()
    else:
        gc.collect()
    with suppress(AttributeError, OSError):  # only glibc has it
        _libc().malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL:
    """Opened once: each opening makes a class of its own."""
    return ctypes.CDLL(None)
