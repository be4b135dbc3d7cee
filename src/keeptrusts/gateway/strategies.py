"""In which order targets are tried, by what the document says and how they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from keeptrusts.gateway.standings import Standings
from keeptrusts.policy.compiled import CompiledPolicy, Routing, TargetSettings

_MAX_TURNS: Final = 1024


class Router:
    """
    Args:
        draw: A random number from 0 up to, not including, 1.
    """

    def __init__(self, standings: Standings, draw: Callable[[], float]) -> None:
        self._standings = standings
        self._draw = draw
        self._turns: dict[tuple[str, ...], int] = {}

    def order(self, targets: Sequence[TargetSettings], policy: CompiledPolicy, sticky: str) -> tuple[str, ...]:
        """The ids of these targets, best first; those whose circuit lets nothing through are last."""
        names = self._ordered(targets, policy.routing, sticky)
        admitted = {name: self._standings.admits(name, policy.circuit_breaker) for name in names}
        return tuple(sorted(names, key=lambda name: not admitted[name]))

    def _ordered(self, targets: Sequence[TargetSettings], routing: Routing, sticky: str) -> list[str]:
        weighted = routing.strategy == "weighted"
        if weighted or routing.strategy == "random":
            return self._by_weight({one.target.id: one.weight if weighted else 1 for one in targets})
        names = [one.target.id for one in targets]
        if routing.strategy == "round_robin":
            turn = self._turn(tuple(names))
            return names[turn:] + names[:turn]
        return [one.target.id for one in sorted(targets, key=self._rank(routing, sticky))]

    def _rank(self, routing: Routing, sticky: str) -> Callable[[TargetSettings], float]:
        """What targets are sorted by, the least first; equal ones stay in the order of the document."""
        match routing.strategy:
            case "lowest_latency":
                return lambda one: self._latency(one.target.id, routing)
            case "least_busy":
                return lambda one: self._standings.of(one.target.id).in_flight
            case "lowest_cost":
                return _price
            case "sticky":
                return lambda one: _affinity(sticky, one.target.id)
            case _:
                return lambda _: 0

    def _turn(self, names: tuple[str, ...]) -> int:
        if len(self._turns) > _MAX_TURNS:
            self._turns.clear()
        turn = self._turns.get(names, 0)
        self._turns[names] = (turn + 1) % len(names)
        return turn

    def _by_weight(self, weights: dict[str, int]) -> list[str]:
        """Drawn one after the other, each by its share of what is left; those without a share are last."""
        left, drawn = dict(weights), []
        while total := sum(left.values()):
            at = self._draw() * total
            for name, weight in left.items():
                at -= weight
                if at < 0:
                    drawn.append(name)
                    del left[name]
                    break
        return drawn + list(left)

    def _latency(self, name: str, routing: Routing) -> float:
        """Mean seconds to the first byte; 0, so that it is tried, where there are too few answers to tell."""
        count, mean = self._standings.of(name).latency_s(self._standings.clock() - routing.window_seconds)
        return mean if count >= routing.min_sample_count else 0.0


def _price(target: TargetSettings) -> float:
    return target.pricing.input + target.pricing.output if target.pricing else float("inf")


def _affinity(sticky: str, name: str) -> int:
    # Rendezvous hashing: when a target comes or goes, only those move that must.
    return int.from_bytes(hashlib.blake2b(f"{name}\0{sticky}".encode(), digest_size=8).digest())
