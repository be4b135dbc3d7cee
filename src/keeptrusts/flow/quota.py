"""
What a request takes of the rates and budgets: computed here, counted by the gateway.

Tokens and money are known when the answer is over. Until then what they may come to is reserved; then it is set right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Final

from keeptrusts.core.errors import QuotaUnavailableError
from keeptrusts.core.exchange import Phase
from keeptrusts.core.verdict import Block
from keeptrusts.flow.decisions import Notes, Taken
from keeptrusts.flow.effects import Flow, Headers, Meter, Room, SettleQuota, TakeQuota
from keeptrusts.flow.replies import VIOLATION, Refusal
from keeptrusts.flow.routing import group_of
from keeptrusts.policy.compiled import Agent, RateLimit, TargetSettings
from keeptrusts.policy.engine import Judgement
from keeptrusts.wire.readings import ModelRequest

CHARS_A_TOKEN: Final = 4
NANO: Final = 1_000_000_000
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request may come to: tokens asked, the most it lets be answered, and money in billionths of a dollar."""

    asked: int
    answered: int
    cost: int = 0

    @property
    def tokens(self) -> int:
        return self.asked + self.answered


def barred(notes: Notes) -> Refusal | None:
    """The refusal of a model that `agents` does not let this agent ask for."""
    agent = _agent(notes)
    if agent is None or not agent.allowed_models:
        return None
    model = notes.model or ""
    group = group_of(notes.snapshot.policy, model)
    names = {model} if group is None else {model, group.name}
    if names & set(agent.allowed_models):
        return None
    message = "this agent may not ask for this model"
    notes.judge(Judgement(Block("agents.model_not_allowed", message), phase=Phase.ROUTE))
    return Refusal(409, VIOLATION, "input_blocked", message, "agents")


def take(
    notes: Notes, request: ModelRequest, cap: int | None, targets: Iterable[TargetSettings]
) -> Flow[Refusal | None]:
    """
    Take what the request may come to; the refusal, when there is no room for it.

    Args:
        cap: Most tokens that the policies let the answer have.
    """
    policy = notes.snapshot.policy
    if not policy.rate_limits and policy.token_limit is None and not policy.agents:
        return None
    expected = estimate(request, cap, targets)
    meters = tuple(_meters(notes, expected))
    if not meters:
        return None
    try:
        room = yield from TakeQuota(meters)
    except QuotaUnavailableError as unavailable:
        notes.fail(unavailable.code)
        message = "rates and budgets cannot be counted now; try again"
        return Refusal(503, "overloaded", unavailable.code, message, None, (("retry-after", "1"),))
    notes.degraded = notes.degraded or room.degraded
    notes.quota_headers = _headers(meters, room)
    if room.refused is None:
        notes.taken = Taken(meters, room.at_ms, expected.asked)
        return None
    return _refused(notes, meters[room.refused], room.wait_seconds)


def settle(notes: Notes) -> Flow[None]:
    """Set right what was taken, now that the request is over."""
    taken, notes.taken = notes.taken, None
    if taken is None:
        return
    tokens, cost = _spent(notes, taken)
    actual = {"requests": 1, "tokens": tokens, "cost": cost}
    changes = tuple(
        (meter, actual[meter.unit] - meter.amount) for meter in taken.meters if actual[meter.unit] != meter.amount
    )
    if changes:
        yield from SettleQuota(changes, taken.at_ms)


def estimate(request: ModelRequest, cap: int | None, targets: Iterable[TargetSettings]) -> Estimate:
    """By the length of its texts and the caps on its answer; money by the dearest of the targets."""
    asked = sum(len(text.value) for text in request.texts) // CHARS_A_TOKEN + 1
    caps = [limit for limit in (request.max_tokens, cap) if limit is not None]
    answered = min(caps, default=0)
    prices = [one.pricing for one in targets if one.pricing is not None]
    cost = max((asked * price.input + answered * price.output for price in prices), default=0.0)
    return Estimate(asked, answered, round(cost * 1000))


def _spent(notes: Notes, taken: Taken) -> tuple[int, int]:
    """Tokens and billionths of a dollar; where the provider did not count, by what came of its answer."""
    usage = notes.usage
    if usage.input_tokens is not None or usage.output_tokens is not None:
        cost = notes.cost_usd
        return (usage.input_tokens or 0) + (usage.output_tokens or 0), round((cost or 0.0) * NANO)
    if not any(attempt.outcome == "answered" for attempt in notes.attempts):
        return 0, 0
    said = notes.said_chars // CHARS_A_TOKEN
    price = notes.target.pricing if notes.target else None
    cost = taken.asked * price.input + said * price.output if price else 0.0
    return taken.asked + said, round(cost * 1000)


def _meters(notes: Notes, expected: Estimate) -> Iterator[Meter]:
    policy = notes.snapshot.policy
    scope = notes.snapshot.configuration_id or policy.name
    for limit in policy.rate_limits:
        who = _who(notes, limit)
        if who is not None:
            yield _meter(scope, limit.name, who, Meter("", "requests", limit.max_requests, limit.window_seconds, 1))
    tokens = policy.token_limit
    if tokens is not None:
        caller = notes.arrival.caller
        named = {"global": "", "user": caller.user_id or notes.user, "agent": caller.agent_id, "key": caller.key_id}
        meter = Meter("", "tokens", tokens.max_tokens, tokens.window_seconds, expected.tokens)
        yield _meter(scope, f"tokens-{tokens.scope}", named[tokens.scope] or "", meter)
    agent = _agent(notes)
    if agent is not None:
        yield from _budget(scope, agent, expected)


def _budget(scope: str, agent: Agent, expected: Estimate) -> Iterator[Meter]:
    nano = None if agent.max_cost_usd_per_day is None else round(agent.max_cost_usd_per_day * NANO)
    daily = Meter("", "requests", 0, DAY_SECONDS, 1, daily=True)
    for meter, most in (
        (daily, agent.max_requests_per_day),
        (replace(daily, unit="tokens", amount=expected.tokens), agent.max_tokens_per_day),
        (replace(daily, unit="cost", amount=expected.cost), nano),
    ):
        if most is not None:
            yield _meter(scope, f"agent-{meter.unit}", agent.id, replace(meter, most=most))


def _meter(scope: str, name: str, who: str, meter: Meter) -> Meter:
    # Names of callers go no further than this process; they may also be of any length.
    hidden = hashlib.blake2b(who.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest() if who else "all"
    return replace(meter, key=f"{{{scope}}}:{name}:{meter.window_seconds}:{hidden}")


def _who(notes: Notes, limit: RateLimit) -> str | None:
    caller = notes.arrival.caller
    if limit.name == "user":
        named = (caller.headers.get(name) for name in limit.header_names)
        return next((value for value in named if value), None) or caller.user_id or notes.user
    return _address(caller.ip) if limit.name == "ip" else ""


def _address(ip: str) -> str:
    """As it is counted: of IPv6 the network, for whoever has one address has all of its last 64 bits."""
    if ":" not in ip:
        return ip
    try:
        one = IPv6Address(ip)
    except ValueError:
        return ip
    return str(one.ipv4_mapped or int(one) >> 64)


def _agent(notes: Notes) -> Agent | None:
    name = notes.arrival.caller.agent_id
    return next((one for one in notes.snapshot.policy.agents if one.id == name), None) if name else None


def _refused(notes: Notes, meter: Meter, wait: int) -> Refusal:
    retry: Headers = (("retry-after", str(wait)),)
    if meter.daily:
        notes.fail("budget_exceeded")
        spent = {"requests": "requests for today are", "tokens": "tokens for today are", "cost": "money for today is"}
        message = f"the agent's {spent[meter.unit]} spent; a new day begins in {wait} seconds"
        return Refusal(402, "budget_exceeded", "budget_exceeded", message, "agents", retry)
    notes.fail("rate_limit" if meter.unit == "requests" else "token_rate_limit")
    message = f"too many {meter.unit}; try again in {wait} seconds"
    return Refusal(429, "rate_limit", "rate_limit", message, None, retry)


def _headers(meters: Sequence[Meter], room: Room) -> Headers:
    """`RateLimit-*` of the rate of which the least is left."""
    rates = [index for index, meter in enumerate(meters) if not meter.daily]
    if not rates:
        return ()
    requests = [index for index in rates if meters[index].unit == "requests"]
    tightest = min(requests or rates, key=lambda index: room.left[index] / meters[index].most)
    meter = meters[tightest]
    return (
        ("ratelimit-limit", str(meter.most)),
        ("ratelimit-remaining", str(room.left[tightest])),
        ("ratelimit-reset", str(room.reset_seconds[tightest])),
        ("ratelimit-policy", f"{meter.most};w={meter.window_seconds}"),
    )
