"""What `kt bench` found, as numbers to show."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Any, Final

from keeptrusts.cli.bench_load import Answers

COLUMNS: Final = ("side", "requests", "failed", "per_second", "p50_ms", "p90_ms", "p99_ms", "max_ms")
SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
Spread = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One side.

    Args:
        failures: How many failed, by what came instead of an answer.
        latency: In ms, to the end of an answer; empty when there was none.
        first_byte: To the first byte of it.
    """

    requests: int
    failures: Mapping[str, int]
    per_second: float
    latency: Spread
    first_byte: Spread

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "failures": dict(self.failures),
            "requests_per_second": self.per_second,
            "latency_ms": dict(self.latency),
            "first_byte_ms": dict(self.first_byte),
        }


def figures(answers: Answers) -> Figures:
    failures = dict(sorted(answers.failures.items()))
    count = answers.whole.total()
    return Figures(
        count + sum(failures.values()),
        failures,
        round(count / answers.seconds, 1) if answers.seconds else 0.0,
        spread(answers.whole),
        spread(answers.first),
    )


def spread(times: Counter[int]) -> Spread:
    """Of times in us, by nearest rank: each is a time that was measured."""
    if not times:
        return {}
    ordered, count = sorted(times), times.total()
    ranks = list(accumulate(times[time] for time in ordered))
    return {name: ordered[bisect_left(ranks, ceil(share * count))] / 1000 for name, share in SHARES.items()}


def added(direct: Spread, through: Spread) -> Spread:
    """What the second has more, at each percentile."""
    return {name: round(through[name] - direct[name], 3) for name in SHARES if name in direct and name in through}


def report(sides: Mapping[str, Figures]) -> dict[str, Any]:
    """The sides and the overhead, which is null when only one was measured."""
    direct, through = sides.get("direct"), sides["gateway"]
    return {
        "direct": direct.as_json() if direct else None,
        "gateway": through.as_json(),
        "overhead_ms": dict(added(direct.latency, through.latency)) if direct else None,
        "overhead_first_byte_ms": dict(added(direct.first_byte, through.first_byte)) if direct else None,
    }


def rows(sides: Mapping[str, Figures], *, stream: bool) -> Iterator[dict[str, Any]]:
    """Lines of a table; of a stream also those to the first byte."""
    for name, one in sides.items():
        counts = {"requests": one.requests, "failed": one.failed, "per_second": one.per_second}
        yield {"side": name, **counts, **_cells(one.latency)}
    direct, through = sides.get("direct"), sides["gateway"]
    if direct:
        yield {"side": "overhead", **_cells(added(direct.latency, through.latency))}
    if stream:
        for name, one in sides.items():
            yield {"side": f"{name}, first byte", **_cells(one.first_byte)}
        if direct:
            yield {"side": "overhead, first byte", **_cells(added(direct.first_byte, through.first_byte))}


def _cells(times: Spread) -> dict[str, str]:
    return {f"{name}_ms": f"{value:.3f}" for name, value in times.items()}
