"""CPU of processes, from /proc: it says what a request costs also on a machine that others use."""

from __future__ import annotations

import os
from pathlib import Path


def parent(pid: int) -> int:
    """Of this process: a backend's is the postmaster."""
    return int(_fields(Path(f"/proc/{pid}/stat"))[1])


def cpu_seconds(postmaster: int, other: int) -> float:
    """Of a PostgreSQL server, with what its children that ended have used, and of one other process."""
    spent, ticks = 0.0, 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields, pid = _fields(stat), int(stat.parent.name)
            if pid in {postmaster, other} or int(fields[1]) == postmaster:
                spent += _running(stat.parent)
        except OSError:
            continue
        if pid == postmaster:
            ticks = int(fields[13]) + int(fields[14])
    return spent + ticks / os.sysconf("SC_CLK_TCK")


def own_seconds(pid: int) -> float:
    """Of one process, without its children."""
    return _running(Path(f"/proc/{pid}"))


def peak_mib(pid: int) -> float:
    """The most memory it has held."""
    return _kib(pid, "VmHWM") / 1024


def resident_mib(pid: int) -> float:
    """The memory it holds."""
    return _kib(pid, "VmRSS") / 1024


def _running(process: Path) -> float:
    """To the nanosecond; what the kernel counts in ticks is a hundredth of a second at a time."""
    ended = sum(map(int, _fields(process / "stat")[11:13])) / os.sysconf("SC_CLK_TCK")
    live = sum(int((task / "schedstat").read_text().split()[0]) for task in (process / "task").iterdir()) / 1e9
    return max(live, ended - 0.02)


def _kib(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name + ":")))


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
