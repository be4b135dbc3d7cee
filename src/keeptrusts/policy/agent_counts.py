"""What an agent has done so far, as the gateway counts it: calls of tools, amounts of transactions, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from keeptrusts.core.exchange import Exchange, Part
from keeptrusts.core.verdict import Block, Verdict
from keeptrusts.policy.asking import Answer, Ask, Count, total_of
from keeptrusts.policy.names import matches
from keeptrusts.policy.rollout import Sender

MINUTE_SECONDS: Final = 60
DAY_SECONDS: Final = 86_400
CENTS: Final = 100
DEFAULT: Final = "default"
"""The name, among rates, of every tool that has none of its own."""

Totals: TypeAlias = tuple[tuple[int, bool], ...]
"""What is counted, each with whether others who count too were not heard."""


@dataclass(frozen=True, slots=True)
class Limit:
    """
    What an answer would add to a count, and the most that there may be of it.

    Args:
        detail: The tail of the reason code.
        what: What it limits, for the message.
    """

    detail: str
    what: str
    most: int
    count: Count

    @property
    def asked(self) -> Count:
        """The same count, to which nothing is added."""
        return replace(self.count, amount=0)

    @property
    def refusal(self) -> Block:
        """What an answer is told for which there is no room."""
        return Block(f"agent_firewall.{self.detail}", f"the agent has used up its {self.what}")

    def near(self, total: int, percent: int | None) -> bool:
        """Whether so much of it is used."""
        return percent is not None and total * 100 >= self.most * percent


def owner_of(exchange: Exchange, kind: str) -> tuple[str, ...]:
    """Whose counts these are: the client's key, or without one its agent, user or address."""
    return exchange.configuration, kind, Sender.of(exchange.caller, "").consumer


def rate_limits(rates: Mapping[str, int], exchange: Exchange, owner: tuple[str, ...]) -> Iterable[Limit]:
    """One for each rule that names a tool which is called; tools of a glob share its rate."""
    calls: dict[str, tuple[int, int]] = {}
    for call in exchange.tool_calls:
        rule = _rule_of(call.name, rates)
        if rule is not None:
            # a tool without a rate of its own is counted by itself
            key, most = (f"{DEFAULT}:{call.name}", rates[DEFAULT]) if rule == DEFAULT else (f"rule:{rule}", rates[rule])
            calls[key] = most, calls.get(key, (most, 0))[1] + 1
    for key, (most, number) in calls.items():
        count = Count(key=(*owner, "rate", key), window_seconds=MINUTE_SECONDS, amount=number)
        yield Limit("rate_limit", f"{most} calls of one of these tools in a minute", most, count)


def _rule_of(name: str, rates: Mapping[str, int]) -> str | None:
    if name in rates and name != DEFAULT:
        return name
    globs = (rule for rule in rates if "*" in rule and matches(name, rule))
    return next(globs, DEFAULT if DEFAULT in rates else None)


def daily_limit(most: float, amount: float, owner: tuple[str, ...]) -> Limit:
    """Of amounts in 24 hours, counted in hundredths."""
    count = Count(key=(*owner, "daily"), window_seconds=DAY_SECONDS, amount=round(amount * CENTS))
    return Limit("daily_limit", f"transactions of {most:g} in 24 hours", round(most * CENTS), count)


def refusals(exchange: Exchange, owner: tuple[str, ...], amount: int) -> Count:
    """How often this session was refused in a day."""
    key = (*owner, "refusals", exchange.caller.session_id or "")
    return Count(key=key, window_seconds=DAY_SECONDS, amount=amount)


def asking(counts: Iterable[Count], conclude: Callable[[Totals], Verdict | Ask]) -> Ask:
    """Count, and go on with what is counted then."""

    def go_on(answers: tuple[Answer, ...]) -> Verdict | Ask:
        return conclude(tuple(map(total_of, answers)))

    return Ask((), go_on, tuple(counts))


def failed_results(exchange: Exchange) -> int:
    """How many results of tools, in the request of an answer, say that the tool failed."""
    results = (text.value for text in exchange.asked if text.part is Part.TOOL_RESULT)
    return sum(_says_failed(result[:_HEAD].lower()) for result in results)


_HEAD: Final = 80
_FAILED: Final = ("error:", "traceback (most recent call last)")
_FAILED_JSON: Final = ('{"error":', '{"is_error":true', '{"iserror":true')


def _says_failed(head: str) -> bool:
    return head.lstrip().startswith(_FAILED) or "".join(head.split()).startswith(_FAILED_JSON)
