"""The figures as a section of a page, and as points for a plot."""

from __future__ import annotations

import os
import platform
import statistics
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from load import Answers

BEGIN, END = "<!-- gateway: made by `make bench` -->", "<!-- gateway: end -->"
FIRST = "nginx"
SMALL, LARGE = "1.5 KB", "20 KB"
STREAMS, PACED = "streams, 100 chunks each, full speed", "100 streams, a chunk every 10 ms"
OPEN, DIRECT = "1.5 KB, open loop at half of its rate", "the same without it"
PROFILE = Path(__file__).with_name("profile.md")
"""What is said of the figures by people, and stays when they are measured anew."""


@dataclass(frozen=True)
class Result:
    """One round of one contender. CPU in microseconds a request; latencies in ms."""

    requests: int
    failed: int
    rate: float
    cpu_us: float
    p50: float
    p99: float
    first_p50: float


Figures: TypeAlias = dict[str, dict[str, list[Result]]]


@dataclass(frozen=True)
class Said:
    """What else is told: lines for contenders, for missing ones and for reloads, and the table of budgets."""

    contenders: tuple[str, ...]
    missing: tuple[str, ...]
    reloads: str
    budgets: tuple[str, ...]


def result(answers: Answers, seconds: float, cpu: float) -> Result:
    """Of one round; with fewer than two answers there is nothing to tell but that."""
    whole = answers.whole if len(answers.whole) > 1 else [float("nan")] * 2
    first = answers.first if len(answers.first) > 1 else whole
    cuts = statistics.quantiles(whole, n=100)
    count = max(len(answers.whole), 1)
    return Result(
        len(answers.whole), answers.failed, len(answers.whole) / seconds, 1e6 * cpu / count, cuts[49], cuts[98],
        statistics.median(first),
    )  # fmt: skip


def about(name: str, version: str, ready: float, mib: float) -> str:
    """A contender's line."""
    return f"{name}{f' ({version})' if version else ''}: ready in {ready:.2f} s, {mib:.0f} MiB resident after the load"


def text(figures: Figures, said: Said, rounds: int, seconds: float) -> str:
    """The section."""
    return "\n".join(_lines(figures, said, rounds, seconds)) + "\n"


def _lines(figures: Figures, said: Said, rounds: int, seconds: float) -> Iterator[str]:
    yield f"{BEGIN}\n## Gateway\n"
    yield (
        f"Python {platform.python_version()}{_build()}, {platform.system()} {platform.release()}, {_processor()},"
        f" {os.cpu_count()} cores. Each contender is one process pinned to one core; the clients and the upstream have"
        f" another. {rounds} alternating rounds of {seconds:g} s; medians. All but Keeptrusts pass requests on as they"
        " are: nothing of theirs is governed or recorded. Keeptrusts applies five kinds to request and answer, and its"
        " record is durable before the answer. TLS is on neither side; DNS, model time and the network are left"
        " out.\n"
    )
    yield "\n".join(f"* {line}" for line in (*said.contenders, *said.missing))
    yield "\n![CPU and latency](performance.svg)"
    for load, by_name in figures.items():
        if load == DIRECT:
            yield f"\n### What is added at half of its rate\n\n{_ADDED}\n"
            yield from _added(figures[OPEN], by_name)
        else:
            yield f"\n### {load}\n"
            yield from _table(by_name, streamed="stream" in load)
    if said.reloads:
        yield f"\n### Reload under load\n\n{said.reloads}"
    if said.budgets:
        yield "\n### Budgets\n"
        yield from said.budgets
        yield "\n" + PROFILE.read_text(encoding="utf-8").rstrip()
    yield END


_ADDED = "Latency beside that of the provider alone, asked by the same clients at the same rate."


def _added(through: Mapping[str, Sequence[Result]], alone: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    yield "| | p50 ms | p99 ms |"
    yield "|---|---|---|"
    for name in sorted(through, key=lambda one: added(through, alone, one)[0]):
        p50, p99 = added(through, alone, name)
        yield f"| {name} | {p50:.2f} | {p99:.2f} |"


def added(
    through: Mapping[str, Sequence[Result]], alone: Mapping[str, Sequence[Result]], name: str
) -> tuple[float, float]:
    """What a contender adds to the latency: p50 and p99 in ms."""
    return (
        median(through[name], lambda one: one.p50) - median(alone[name], lambda one: one.p50),
        median(through[name], lambda one: one.p99) - median(alone[name], lambda one: one.p99),
    )


def _table(by_name: Mapping[str, Sequence[Result]], *, streamed: bool) -> Iterator[str]:
    first = "| to first byte p50 ms " if streamed else ""
    yield f"| | CPU us a request | beside {FIRST} | requests/s {first}| p50 ms | p99 ms | failed |"
    yield "|---|---|---|---|---|---|---|" + ("---|" if streamed else "")
    reference = median(by_name[FIRST], lambda one: one.cpu_us) if FIRST in by_name else None
    for name, rounds in sorted(by_name.items(), key=lambda item: median(item[1], lambda one: one.cpu_us)):
        failed = sum(one.failed for one in rounds)
        if not any(one.requests for one in rounds):
            yield f"| {name} | answered nothing {'| ' * (5 + streamed)}| {failed} |"
            continue
        cpu = median(rounds, lambda one: one.cpu_us)
        ratio = f"{cpu / reference:.1f}x" if reference else "-"
        shown = [f"{cpu:.0f}", ratio, f"{median(rounds, lambda one: one.rate):.0f}"]
        shown += [f"{median(rounds, lambda one: one.first_p50):.2f}"] if streamed else []
        shown += [f"{median(rounds, lambda one: one.p50):.2f}", f"{median(rounds, lambda one: one.p99):.2f}"]
        yield f"| {name} | {' | '.join(shown)} | {failed} |"


def median(rounds: Sequence[Result], value: Callable[[Result], float]) -> float:
    """Over the rounds."""
    return statistics.median(map(value, rounds))


def points(figures: Figures) -> list[dict[str, object]]:
    """For the plot: CPU and latency of each contender at each load."""
    return [
        {
            "load": load,
            "name": name,
            "cpu_us": median(rounds, lambda one: one.cpu_us),
            "p50": median(rounds, lambda one: one.p50),
            "p99": median(rounds, lambda one: one.p99),
        }
        for load, by_name in figures.items()
        if load != DIRECT
        for name, rounds in by_name.items()
    ]


def put(path: Path, section: str) -> None:
    """In place of the section that the page has, or behind the rest of it."""
    page = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = (before.strip("\n"), section.strip("\n"), after.strip("\n"))
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _build() -> str:
    """What makes an interpreter a tenth slower than those that most images have."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return "" if optimised else " (built without `--enable-optimizations`)"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
