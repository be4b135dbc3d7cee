"""A circuit: lets a target that keeps failing alone, and after a while lets a few requests try it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from keeptrusts.policy.compiled import CircuitBreaker

State: TypeAlias = Literal["closed", "open", "half_open"]


class Circuit:
    """
    Of one target. Without a breaker in the document it stays closed.

    Times are seconds of one clock that never goes back; the breaker is that of the request at hand.
    """

    def __init__(self) -> None:
        self.failures = 0
        """In a row."""
        self._opened_at: float | None = None
        self._probes = 0

    def state(self, breaker: CircuitBreaker | None, now: float) -> State:
        if breaker is None or self._opened_at is None:
            return "closed"
        return "open" if now - self._opened_at < breaker.cooldown_seconds else "half_open"

    def admits(self, breaker: CircuitBreaker | None, now: float) -> bool:
        """Whether a request may try the target."""
        match self.state(breaker, now):
            case "closed":
                return True
            case "half_open":
                return breaker is None or self._probes < breaker.half_open_max_probes
            case "open":
                return False

    def enter(self, breaker: CircuitBreaker | None, now: float) -> bool:
        """A request that is admitted begins; whether it is a probe, which `leave` must be told."""
        is_probe = self.state(breaker, now) == "half_open"
        self._probes += is_probe
        return is_probe

    def leave(self, *, probe: bool) -> None:
        """It is over, or known to have succeeded or failed."""
        self._probes -= probe

    def succeed(self) -> None:
        """The target answered."""
        self.failures, self._opened_at = 0, None

    def fail(self, breaker: CircuitBreaker | None, now: float) -> None:
        """The target failed; a failure in half-open opens it again."""
        self.failures += 1
        if breaker is not None and (self._opened_at is not None or self.failures >= breaker.failure_threshold):
            self._opened_at = now

    def wait_s(self, breaker: CircuitBreaker | None, now: float) -> float:
        """Seconds until a probe is let through; 0 when it is not open."""
        if breaker is None or self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + breaker.cooldown_seconds - now)
