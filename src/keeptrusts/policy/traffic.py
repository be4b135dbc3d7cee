"""The sections that say how requests reach a provider: which target, how often, and when it is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keeptrusts.policy.checks import strategy
from keeptrusts.policy.schema import Attr, Block, Fault


@dataclass(frozen=True, slots=True)
class Routing(Block):
    pending: ClassVar[frozenset[str]] = frozenset({"window_seconds", "min_sample_count", "sticky_by"})

    strategy: Annotated[str, Attr("`ordered`: the targets in the order of the document.", check=strategy)] = "ordered"


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
