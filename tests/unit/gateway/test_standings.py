"""Circuits and standings: who is left alone, for how long, and who may try again."""

from __future__ import annotations

import pytest

from keeptrusts.core.errors import CircuitOpenError
from keeptrusts.gateway.standings import Standings
from keeptrusts.policy.compiled import CircuitBreaker

BREAKER = CircuitBreaker(failure_threshold=2, cooldown_seconds=10.0, half_open_max_probes=1)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def failing(standings: Standings, times: int, breaker: CircuitBreaker | None = BREAKER) -> None:
    for _ in range(times):
        standings.begin("a", breaker).fail("upstream_lost")


def state(standings: Standings) -> str:
    shown: str = standings.shown(BREAKER)["a"]["circuit"]
    return shown


def test_a_circuit_opens_after_so_many_failures_in_a_row() -> None:
    """An answer between two failures starts the count again."""
    standings = Standings(Time())
    failing(standings, 1)
    served = standings.begin("a", BREAKER)
    served.answered(200)
    served.complete()
    failing(standings, 1)
    assert state(standings) == "closed"
    failing(standings, 1)
    assert state(standings) == "open"
    with pytest.raises(CircuitOpenError) as refused:
        standings.begin("a", BREAKER)
    assert (refused.value.code, refused.value.wait_seconds) == ("circuit_open", 10.0)


def test_a_status_from_500_on_is_a_failure_and_any_other_is_an_answer() -> None:
    """A provider that refuses a request is alive."""
    standings = Standings(Time())
    for status in (500, 503):
        tried = standings.begin("a", BREAKER)
        tried.answered(status)
        tried.complete()
    assert (state(standings), standings.of("a").last_failure) == ("open", "status_503")
    other = Standings(Time())
    for _ in range(5):
        tried = other.begin("a", BREAKER)
        tried.answered(429)
        tried.complete()
    assert state(other) == "closed"


def test_an_answer_that_breaks_off_is_a_failure() -> None:
    """Its head alone clears nothing."""
    standings = Standings(Time())
    for _ in range(2):
        tried = standings.begin("a", BREAKER)
        tried.answered(200)
        tried.fail("upstream_lost")
        tried.end()
    assert state(standings) == "open"
    assert standings.of("a").in_flight == 0


def test_after_the_cooldown_a_probe_decides() -> None:
    """So many at a time; one that fails opens the circuit for another cooldown, one that is answered closes it."""
    time = Time()
    standings = Standings(time)
    failing(standings, 2)
    time.now += 10
    assert state(standings) == "half_open"
    probe = standings.begin("a", BREAKER)
    with pytest.raises(CircuitOpenError):
        standings.begin("a", BREAKER)
    probe.fail("upstream_timeout")
    assert state(standings) == "open"
    time.now += 10
    probe = standings.begin("a", BREAKER)
    probe.answered(200)
    assert state(standings) == "closed"
    standings.begin("a", BREAKER)


def test_a_probe_whose_client_leaves_decides_nothing() -> None:
    """The next one may probe."""
    time = Time()
    standings = Standings(time)
    failing(standings, 2)
    time.now += 10
    standings.begin("a", BREAKER).end()
    assert state(standings) == "half_open"
    standings.begin("a", BREAKER)


def test_without_a_breaker_nothing_opens() -> None:
    """A document that asks for none has none, whatever was counted."""
    standings = Standings(Time())
    failing(standings, 50, None)
    standings.begin("a", None)
    assert standings.of("a").failures == 50


def test_targets_that_are_gone_are_forgotten() -> None:
    """Unless something of them is still running."""
    standings = Standings(Time())
    standings.begin("a", None).end()
    running = standings.begin("b", None)
    standings.keep(["c"])
    assert sorted(standings.all()) == ["b", "c"]
    running.end()
    standings.keep(["c"])
    assert sorted(standings.all()) == ["c"]


def test_latency_is_of_the_first_byte() -> None:
    """The mean of what began to answer since then."""
    time = Time()
    standings = Standings(time)
    for seconds in (1, 3):
        tried = standings.begin("a", None)
        time.now += seconds
        tried.answered(200)
        time.now += 100
        tried.end()
    assert standings.of("a").latency_s(0) == (2, 2.0)
    assert standings.of("a").latency_s(time.now - 150) == (1, 3.0)
    assert standings.of("a").latency_s(time.now) == (0, 0.0)
    assert standings.shown(None)["a"]["first_byte_ms"] == 2000.0
