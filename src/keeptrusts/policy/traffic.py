"""The sections that say how requests reach a provider: which target, how often, and when it is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from keeptrusts.policy.schema import Attr, Block, Fault


@dataclass(frozen=True, slots=True)
class Pricing(Block):
    input_usd_per_million_tokens: Annotated[float, Attr("Of what is sent.", minimum=0, stronger="neutral")]
    output_usd_per_million_tokens: Annotated[float, Attr("Of what is answered.", minimum=0, stronger="neutral")]
    cached_input_usd_per_million_tokens: Annotated[
        float | None, Attr("Of what the provider had in its cache; absent: as any.", minimum=0, stronger="neutral")
    ] = None


@dataclass(frozen=True, slots=True)
class Routing(Block):
    strategy: Annotated[
        Literal[
            "ordered", "round_robin", "weighted", "lowest_latency", "least_busy", "lowest_cost", "random", "sticky"
        ],
        Attr("In which order targets are tried."),
    ] = "ordered"
    window_seconds: Annotated[
        int | None, Attr("With `lowest_latency`: how far back it looks. Absent: 300.", minimum=1, maximum=86_400)
    ] = None
    min_sample_count: Annotated[
        int | None,
        Attr("With `lowest_latency`: fewer answers do not tell, so it is tried. Absent: 5.", minimum=1, maximum=500),
    ] = None
    sticky_by: Annotated[
        Literal["consumer", "user", "session", "agent", "ip"] | None,
        Attr("With `sticky`: what stays with one target; who has none goes by address. Absent: `user`."),
    ] = None

    def faults(self) -> Iterable[Fault]:
        for name, strategy in _BELONGS.items():
            if getattr(self, name) is not None and self.strategy != strategy:
                message = f"`{name}` goes with `strategy: {strategy}`"
                yield Fault("E003", (name,), message, "remove it, or change the strategy")


_BELONGS = {"window_seconds": "lowest_latency", "min_sample_count": "lowest_latency", "sticky_by": "sticky"}


@dataclass(frozen=True, slots=True)
class Fallback(Block):
    enabled: bool = False
    triggers: frozenset[
        Literal["rate_limit", "server_error", "timeout", "connection", "context_window", "content_policy"]
    ] = frozenset({"rate_limit", "server_error", "timeout", "connection"})
    max_fallback_attempts: Annotated[int, Attr("Further targets after the first.", minimum=0, maximum=20)] = 3


@dataclass(frozen=True, slots=True)
class Retry(Block):
    max_attempts: Annotated[int, Attr("Tries of one target, the first included.", minimum=1, maximum=10)] = 2
    initial_delay_ms: Annotated[int, Attr("Before the second try; then doubled.", minimum=0, maximum=60_000)] = 250
    max_delay_ms: Annotated[
        int, Attr("No wait is longer; a longer `Retry-After` ends the tries.", minimum=0, maximum=300_000)
    ] = 5_000
    jitter: Annotated[bool, Attr("Wait for a random time, from the half to the whole.")] = True

    def faults(self) -> Iterable[Fault]:
        if self.initial_delay_ms > self.max_delay_ms:
            message = "`initial_delay_ms` is longer than `max_delay_ms`"
            yield Fault("E003", ("initial_delay_ms",), message, "raise `max_delay_ms`, or lower this")


@dataclass(frozen=True, slots=True)
class CircuitBreaker(Block):
    failure_threshold: Annotated[int, Attr("Failures in a row that open the circuit.", minimum=1, maximum=1000)] = 5
    cooldown_seconds: Annotated[
        float, Attr("How long an open circuit lets nothing through.", minimum=0.001, maximum=86_400)
    ] = 30.0
    half_open_max_probes: Annotated[
        int, Attr("Requests at a time that try a target after that.", minimum=1, maximum=100)
    ] = 1
