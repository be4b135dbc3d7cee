"""How the targets stand: what each is doing, how it did lately, and whether its circuit lets requests through."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from keeptrusts.core.errors import CircuitOpenError
from keeptrusts.gateway.circuits import Circuit
from keeptrusts.policy.compiled import CircuitBreaker

MAX_SAMPLES: Final = 512


class Standing:
    """
    Of one target, by its id, over all configurations that name it.

    `samples`: when, and after how many seconds, the last answers began.
    """

    def __init__(self) -> None:
        self.circuit = Circuit()
        self.in_flight = 0
        self.requests = 0
        self.failures = 0
        self.last_failure: str | None = None
        self.samples: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)

    def latency_s(self, since: float) -> tuple[int, float]:
        """How many answers began since then, and their mean time to the first byte."""
        taken = [seconds for at, seconds in self.samples if at >= since]
        return len(taken), sum(taken) / len(taken) if taken else 0.0


class Standings:
    """
    Of all targets of this process.

    Args:
        clock: Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._known: dict[str, Standing] = {}

    def of(self, target_id: str) -> Standing:
        return self._known.setdefault(target_id, Standing())

    def keep(self, target_ids: Iterable[str]) -> None:
        """Forget the targets that no configuration names any more."""
        names = set(target_ids)
        self._known = {name: one for name, one in self._known.items() if name in names or one.in_flight}
        for name in names:
            self.of(name)

    def all(self) -> Mapping[str, Standing]:
        return self._known

    def admits(self, target_id: str, breaker: CircuitBreaker | None) -> bool:
        return self.of(target_id).circuit.admits(breaker, self.clock())

    def begin(self, target_id: str, breaker: CircuitBreaker | None) -> Try:
        """
        A request goes to a target.

        Raises:
            CircuitOpenError: It has failed too often, and is left alone.
        """
        standing, now = self.of(target_id), self.clock()
        if not standing.circuit.admits(breaker, now):
            wait = standing.circuit.wait_s(breaker, now)
            raise CircuitOpenError(f"target `{target_id}` keeps failing and is left alone", wait)
        return Try(standing, breaker, self.clock)

    def shown(self, breaker: CircuitBreaker | None) -> dict[str, dict[str, Any]]:
        """For `/keeptrusts/providers/metrics`."""
        now = self.clock()
        return {name: _shown(one, breaker, now) for name, one in self._known.items()}


class Try:
    """One request on its way through a target. `end` may be called any number of times."""

    def __init__(self, standing: Standing, breaker: CircuitBreaker | None, clock: Callable[[], float]) -> None:
        self._standing = standing
        self._breaker = breaker
        self._clock = clock
        self._began = clock()
        self._probe = standing.circuit.enter(breaker, self._began)
        self._open = True
        standing.in_flight += 1
        standing.requests += 1

    def answered(self, status: int) -> None:
        """The head came. A provider that answers at all is alive, unless it says that it failed."""
        if status >= 500:
            self.fail(f"status_{status}")
            return
        now = self._clock()
        self._standing.samples.append((now, now - self._began))
        if self._probe:
            self._standing.circuit.succeed()
        self._leave()

    def fail(self, code: str) -> None:
        """It failed, now or in the middle of its answer."""
        if self._open:
            self._standing.failures += 1
            self._standing.last_failure = code
            self._standing.circuit.fail(self._breaker, self._clock())
        self.end()

    def complete(self) -> None:
        """The answer came to its end."""
        if self._open:
            self._standing.circuit.succeed()
        self.end()

    def end(self) -> None:
        """It is over, however."""
        self._leave()
        if self._open:
            self._open = False
            self._standing.in_flight -= 1

    def _leave(self) -> None:
        self._standing.circuit.leave(probe=self._probe)
        self._probe = False


def _shown(one: Standing, breaker: CircuitBreaker | None, now: float) -> dict[str, Any]:
    count, mean = one.latency_s(now - 300)
    return {
        "circuit": one.circuit.state(breaker, now),
        "next_probe_in_seconds": round(one.circuit.wait_s(breaker, now), 3),
        "in_flight": one.in_flight,
        "requests": one.requests,
        "failures": one.failures,
        "failures_in_a_row": one.circuit.failures,
        "last_failure": one.last_failure,
        "first_byte_ms": round(mean * 1000, 3) if count else None,
        "first_byte_samples": count,
    }
