"""CPU of processes, from /proc: it says what a request costs also on a machine that others use."""

from __future__ import annotations

import os
from pathlib import Path


def parent(pid: int) -> int:
    """Of this process: a backend's is the postmaster."""
    return int(_fields(Path(f"/proc/{pid}/stat"))[1])


def cpu_seconds(postmaster: int, other: int) -> float:
    """Of a PostgreSQL server, with what its children that ended have used, and of one other process."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields, pid = _fields(stat), int(stat.parent.name)
        except OSError:
            continue
        if pid in {postmaster, other} or int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
        if pid == postmaster:
            ticks += int(fields[13]) + int(fields[14])
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
