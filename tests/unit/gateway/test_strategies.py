"""The strategies: in which order targets are tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from keeptrusts.core.exchange import Target
from keeptrusts.gateway.standings import Standings
from keeptrusts.gateway.strategies import Router
from keeptrusts.policy.compiled import CircuitBreaker, CompiledPolicy, Pricing, Routing, Strategy, TargetSettings
from support.flows import TARGET, policy_of

BREAKER = CircuitBreaker(failure_threshold=1, cooldown_seconds=10.0)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def target(name: str, weight: int = 1, price: float = 0.0) -> TargetSettings:
    return replace(TARGET, target=Target(name, "x"), weight=weight, pricing=Pricing(price, price, price))


def by(strategy: Strategy) -> CompiledPolicy:
    return policy_of(routing=Routing(strategy, window_seconds=60, min_sample_count=2), circuit_breaker=BREAKER)


ABC = [target("a", 3, 2.0), target("b", 1, 1.0), target("c", 0, 3.0)]


def router(time: Time | None = None) -> Router:
    return Router(Standings(time or Time()), Random(7).random)


def orders(made: Router, strategy: Strategy, count: int, sticky: str = "") -> Iterator[str]:
    for _ in range(count):
        yield "".join(made.order(ABC, by(strategy), sticky))


def test_ordered_is_the_documents_order() -> None:
    """Whatever was tried before."""
    assert set(orders(router(), "ordered", 3)) == {"abc"}


def test_round_robin_takes_turns() -> None:
    """Each set of targets has turns of its own."""
    made = router()

    assert list(orders(made, "round_robin", 4)) == ["abc", "bca", "cab", "abc"]
    assert made.order(ABC[:2], by("round_robin"), "") == ("a", "b")


def test_weights_are_shares() -> None:
    """A target without one is the last resort."""
    drawn = Counter(orders(router(), "weighted", 4000))

    assert set(drawn) == {"abc", "bac"}
    assert 2850 < drawn["abc"] < 3150


def test_random_is_even() -> None:
    """Every order comes up as often as any other."""
    drawn = Counter(orders(router(), "random", 6000))

    assert len(drawn) == 6
    assert all(850 < count < 1150 for count in drawn.values())


def test_lowest_cost_is_by_price() -> None:
    """Of both directions together."""
    assert list(orders(router(), "lowest_cost", 1)) == ["bac"]


def test_least_busy_counts_what_is_in_flight() -> None:
    """A request that is over counts no more."""
    standings = Standings(Time())
    made = Router(standings, Random(7).random)
    running = [standings.begin(name, None) for name in "aab"]
    assert list(orders(made, "least_busy", 1)) == ["cba"]
    for one in running:
        one.end()
    assert list(orders(made, "least_busy", 1)) == ["abc"]


def test_lowest_latency_tries_those_it_does_not_know() -> None:
    """And forgets what lies before its window."""
    time = Time()
    standings = Standings(time)
    made = Router(standings, Random(7).random)
    for name, seconds in (("a", 3), ("a", 3), ("b", 2), ("b", 2), ("c", 9)):
        tried = standings.begin(name, None)
        time.now += seconds
        tried.answered(200)
        tried.end()
    assert list(orders(made, "lowest_latency", 1)) == ["cba"]
    tried = standings.begin("c", None)
    time.now += 9
    tried.answered(200)
    assert list(orders(made, "lowest_latency", 1)) == ["bac"]
    time.now += 100
    assert list(orders(made, "lowest_latency", 1)) == ["abc"]


def test_sticky_stays() -> None:
    """With the same target, and when that one goes, only those who were with it move."""
    made, users = router(), [f"user-{number}" for number in range(300)]
    first = {user: next(orders(made, "sticky", 1, user))[0] for user in users}

    assert first == {user: next(orders(made, "sticky", 1, user))[0] for user in users}
    assert all(60 < count < 140 for count in Counter(first.values()).values())
    left = {user: made.order(ABC[:2], by("sticky"), user)[0] for user in users}
    assert all(left[user] == first[user] for user in users if first[user] != "c")


def test_an_open_circuit_is_last() -> None:
    """Under every strategy; it may be all there is."""
    time = Time()
    standings = Standings(time)
    made = Router(standings, Random(7).random)
    standings.begin("a", BREAKER).fail("upstream_lost")

    assert list(orders(made, "ordered", 1)) == ["bca"]
    assert next(orders(made, "round_robin", 1))[-1] == "a"
    time.now += 10
    assert list(orders(made, "ordered", 1)) == ["abc"]
