"""What was promised of the gateway, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import page
from page import Figures

OURS: Final = "keeptrusts"


@dataclass(frozen=True)
class Process:
    """What else is known of ours: its memory after all loads, and how long it took to be ready."""

    resident_mib: float
    ready_seconds: float


@dataclass(frozen=True)
class Budget:
    """A bound: at most so much, or with `least` at least so much."""

    what: str
    measured: float
    bound: float
    unit: str = ""
    least: bool = False

    @property
    def kept(self) -> bool:
        return self.measured >= self.bound if self.least else self.measured <= self.bound

    def line(self) -> str:
        """Its row."""
        shown = f"{self.measured:.2f}" if self.measured < 10 else f"{self.measured:.0f}"
        bound = f"{'at least' if self.least else 'at most'} {self.bound:g}{self.unit}"
        return f"| {self.what} | {shown}{self.unit} | {bound} | {'yes' if self.kept else '**missed**'} |"


def lines(figures: Figures, process: Process | None) -> tuple[str, ...]:
    """The table; empty when ours was not measured."""
    if process is None:
        return ()
    found = [*_ratios(figures), *_latencies(figures), *_of(process)]
    return ("| | measured | budget | kept |", "|---|---|---|---|", *(one.line() for one in found))


def _ratios(figures: Figures) -> Iterator[Budget]:
    for what, load, other, bound in (
        ("governed request of 1.5 KB, CPU beside nginx", page.SMALL, "nginx", 4.0),
        ("the same beside Envoy passing it on", page.SMALL, "envoy", 1.0),
        ("governed request of 20 KB, CPU beside nginx", page.LARGE, "nginx", 5.0),
        ("streamed chunk at full speed, CPU beside nginx", page.STREAMS, "nginx", 2.0),
        ("streamed chunk every 10 ms, CPU beside nginx", page.PACED, "nginx", 2.0),
    ):
        if other in figures[load]:
            yield Budget(what, _cpu(figures, load, OURS) / _cpu(figures, load, other), bound, "x")
    if "litellm" in figures[page.SMALL]:
        ratio = _cpu(figures, page.SMALL, "litellm") / _cpu(figures, page.SMALL, OURS)
        yield Budget("LiteLLM, CPU beside a governed request", ratio, 100, "x", least=True)


def _latencies(figures: Figures) -> Iterator[Budget]:
    p50, p99 = page.added(figures[page.OPEN], figures[page.DIRECT], OURS)
    yield Budget("latency added at half of its rate, p50", p50, 0.3, " ms")
    yield Budget("latency added at half of its rate, p99", p99, 2.0, " ms")


def _of(process: Process) -> Iterator[Budget]:
    yield Budget("resident memory of a worker after all loads", process.resident_mib, 80, " MiB")
    yield Budget("from start to ready", process.ready_seconds, 1.0, " s")


def _cpu(figures: Figures, load: str, name: str) -> float:
    return page.median(figures[load][name], lambda one: one.cpu_us)
