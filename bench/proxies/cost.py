"""What a process and its children have used: CPU and memory, as /proc tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and of all below it."""
    return sum((int(fields[11]) + int(fields[12])) / _TICKS for fields in _stats(pid))


def resident_mib(pid: int) -> float:
    """Resident memory of them together; pages that they share count for each."""
    return sum(int(fields[21]) for fields in _stats(pid)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _stats(pid: int) -> Iterator[list[str]]:
    below: dict[int, list[tuple[int, list[str]]]] = {}
    found: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in parentheses may hold blanks, so fields are counted from behind it (proc(5)).
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            number = int(path.parent.name)
            found[number] = fields
            below.setdefault(int(fields[1]), []).append((number, fields))
    waiting = [pid]
    while waiting:
        number = waiting.pop()
        if number in found:
            yield found[number]
        waiting += [child for child, _ in below.get(number, [])]
