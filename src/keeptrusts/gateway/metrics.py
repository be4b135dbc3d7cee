"""What `/metrics` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from keeptrusts.core.decision import Decision
from keeptrusts.gateway.peers import Peers
from keeptrusts.gateway.standings import Standings
from keeptrusts.policy.compiled import CircuitBreaker

MEDIA_TYPE = CONTENT_TYPE_LATEST
_OVERHEAD_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)

_HELD_CHARS = (0, 8, 32, 128, 512, 2048, 8192, 32_768, 131_072)


class Metrics:
    """Counters of one gateway process, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "keeptrusts_requests", "Requests that left a record.", ["status"], registry=self._registry
        )
        self._verdicts = Counter(
            "keeptrusts_verdicts", "Verdicts of recorded requests.", ["verdict"], registry=self._registry
        )
        self._degraded = Counter(
            "keeptrusts_degraded", "Requests that passed though a policy failed.", registry=self._registry
        )
        self._overhead = Histogram(
            "keeptrusts_overhead_seconds",
            "Time of a request that was spent in the gateway.",
            buckets=_OVERHEAD_S,
            registry=self._registry,
        )
        self._tokens = Counter(
            "keeptrusts_tokens", "Tokens of recorded requests.", ["direction"], registry=self._registry
        )
        self._active = Gauge(
            "keeptrusts_active_configuration", "1 for the active configuration.", ["digest"], registry=self._registry
        )
        self._holdback = Gauge(
            "keeptrusts_stream_holdback_chars", "Most characters a stream may be held back.", registry=self._registry
        )
        self._behind = Histogram(
            "keeptrusts_stream_held_chars",
            "Most characters by which the client of a stream was behind the model.",
            buckets=_HELD_CHARS,
            registry=self._registry,
        )
        self._count_what_others_do()
        self._children: dict[tuple[Counter, tuple[str, ...]], Counter] = {}
        self.processed = 0
        self.peers: Peers | None = None

    def _count_what_others_do(self) -> None:
        self._attempts = Counter(
            "keeptrusts_upstream_attempts",
            "Tries of targets, by what came of them.",
            ["target", "outcome"],
            registry=self._registry,
        )
        self._cost = Counter(
            "keeptrusts_cost_usd",
            "Cost of answers, by the prices of the document.",
            ["target"],
            registry=self._registry,
        )
        self._asked = Histogram(
            "keeptrusts_policy_question_seconds",
            "Questions that policies put to other services, by what came of them.",
            ["policy", "outcome"],
            registry=self._registry,
        )

    def watch(self, decision: Decision) -> None:
        """Count a decision."""
        self.processed += 1
        self._of(self._requests, str(decision.status)).inc()
        self._of(self._verdicts, decision.verdict).inc()
        self._overhead.observe(decision.overhead_us / 1_000_000)
        if decision.behind_chars is not None:
            self._behind.observe(decision.behind_chars)
        if decision.degraded:
            self._degraded.inc()
        if decision.cost_usd:
            self._of(self._cost, str(decision.target_id)).inc(decision.cost_usd)
        self._watch_others(decision)
        for direction, count in (("input", decision.input_tokens), ("output", decision.output_tokens)):
            if count is not None:
                self._of(self._tokens, direction).inc(count)

    def _watch_others(self, decision: Decision) -> None:
        for attempt in decision.attempts:
            self._of(self._attempts, attempt.target_id, attempt.outcome).inc()
        for result in decision.policies:
            for asked in result.asked:
                self._asked.labels(result.kind, asked.outcome).observe(asked.latency_us / 1_000_000)

    def _of(self, counter: Counter, *labels: str) -> Counter:
        """The child of these labels, found once: the library looks for it under a lock."""
        key = counter, labels
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = counter.labels(*labels)
        return child

    def activated(self, digest: str, holdback_chars: int) -> None:
        """A configuration became active."""
        self._active.clear()
        self._active.labels(digest).set(1)
        self._holdback.set(holdback_chars)

    def show_spool(self, records: Callable[[], float], stored_bytes: Callable[[], float]) -> None:
        """Let the gauges of the spool ask these at every scrape."""
        depth = Gauge("keeptrusts_spool_depth", "Records that are stored and not shipped.", registry=self._registry)
        depth.set_function(records)
        size = Gauge("keeptrusts_spool_bytes", "Size of the spool.", registry=self._registry)
        size.set_function(stored_bytes)

    def show_targets(self, standings: Standings, breaker: Callable[[], CircuitBreaker | None]) -> None:
        """Let every scrape ask how the targets stand, by the breaker that is then in force."""
        self._registry.register(_Targets(standings, breaker))

    async def shown(self) -> bytes:
        """Of this process, or of all workers at its port."""
        return self.text() if self.peers is None else await self.peers.gather()

    def text(self) -> bytes:
        """In the Prometheus text format."""
        return generate_latest(self._registry)


class _Targets(Collector):
    def __init__(self, standings: Standings, breaker: Callable[[], CircuitBreaker | None]) -> None:
        self._standings = standings
        self._breaker = breaker

    def collect(self) -> Iterator[GaugeMetricFamily]:
        breaker, now = self._breaker(), self._standings.clock()
        closed = GaugeMetricFamily("keeptrusts_circuit_open", "1 while a target is left alone.", labels=["target"])
        busy = GaugeMetricFamily("keeptrusts_upstream_in_flight", "Requests at a target now.", labels=["target"])
        for name, one in self._standings.all().items():
            closed.add_metric([name], float(one.circuit.state(breaker, now) == "open"))
            busy.add_metric([name], one.in_flight)
        yield closed
        yield busy
