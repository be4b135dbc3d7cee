"""How much a session may spend on a tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar, Final, NamedTuple

from keeptrusts.core.exchange import Exchange, Phase, ToolCall
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.asking import Answer, Ask, Count, total_of
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.token_limit import estimate
from keeptrusts.policy.names import matches
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

SESSION_SECONDS: Final = 86_400
"""How long a session lasts after each of its calls."""
_NANO: Final = 1_000_000_000


@dataclass(frozen=True)
class Budget(Section):
    max_tokens: Annotated[int | None, Attr("Most tokens of its calls.", minimum=1, stronger="lower")] = None
    max_cost_usd: Annotated[
        float | None, Attr("Most US dollars for them, at the target's price of output.", minimum=0, stronger="lower")
    ] = None

    def faults(self) -> Iterable[Fault]:
        if self.max_tokens is None and self.max_cost_usd is None:
            yield Fault("E009", (), "a budget without a limit limits nothing", "add `max_tokens` or `max_cost_usd`")


class _Spent(NamedTuple):
    """What calls come to, in tokens and billionths of a dollar."""

    tokens: int
    nano: int


@dataclass(frozen=True)
class ToolBudget(Policy):
    """
    Refuse calls of tools on which a session has spent its budget.

    Spent are the tokens of a tool's calls, its name and its arguments, one for each four bytes, and the money that they
    cost at the price of output of the target that answered. A session is named by the header `x-session-id` or
    `x-keeptrusts-session-id`; what its answers called is counted by the gateway for a day after each call. A request
    without a session is held to what its own history shows, in tokens, and each answer to the budget by itself. A
    request that has spent a tool's budget and still offers the tool is refused. Tools are named exactly, or by globs
    that hold `*`, whose tools share the budget.
    """

    kind: ClassVar[str] = "tool-budget"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.TOOL})
    counts: ClassVar[bool] = True
    example: ClassVar[str] = """
        budgets:
          search: {max_tokens: 2000}
          "image_*": {max_cost_usd: 0.50}
    """

    budgets: Annotated[Mapping[str, Budget], Attr("Tool to budget.", stronger="more")] = field(default_factory=dict)

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        spent = {rule: _spent(rule, exchange) for rule in self.budgets}
        priced = [rule for rule, one in self.budgets.items() if one.max_cost_usd is not None]
        if exchange.output_usd_per_million_tokens is None and any(_is_answered(rule, exchange) for rule in priced):
            return Block("tool_budget.unpriced", "the target that answered has no price, so its calls have no cost")
        for rule, used in spent.items():
            refusal = self._refusal(rule, used, open_offer=_is_offered(rule, exchange))
            if refusal is not None:
                return refusal
        return self._ask(exchange, spent) if exchange.caller.session_id else Allow()

    def _refusal(self, rule: str, used: _Spent, *, open_offer: bool) -> Verdict | None:
        """The refusal when this is too much; already when it is all, where more calls are invited."""
        budget = self.budgets[rule]
        for detail, limit, amount in (
            ("tokens", budget.max_tokens, used.tokens),
            ("cost", _nano(budget.max_cost_usd), used.nano),
        ):
            if limit is not None and (amount > limit or (open_offer and amount >= limit)):
                return Block(f"tool_budget.{detail}", f"the session has spent its budget for `{rule}`")
        return None

    def _ask(self, exchange: Exchange, spent: Mapping[str, _Spent]) -> Verdict | Ask:
        """Count what an answer calls; of a request ask what was counted for the tools that it offers."""
        wanted = _is_called if exchange.answered else _is_offered
        rules = [rule for rule in self.budgets if wanted(rule, exchange)]
        if not rules:
            return Allow()
        counts = []
        for rule in rules:
            used = spent[rule] if exchange.answered else _Spent(0, 0)
            owner = (exchange.configuration, self.kind, exchange.caller.key_id or "", exchange.caller.session_id or "")
            counts += [
                Count(key=(*owner, rule, unit), window_seconds=SESSION_SECONDS, amount=amount)
                for unit, amount in zip(("tokens", "cost"), used, strict=True)
            ]
        return Ask((), partial(self._conclude, rules, invited=not exchange.answered), tuple(counts))

    def _conclude(self, rules: list[str], answers: tuple[Answer, ...], *, invited: bool) -> Verdict:
        totals = [total_of(answer) for answer in answers]
        for index, rule in enumerate(rules):
            used = _Spent(totals[2 * index][0], totals[2 * index + 1][0])
            refusal = self._refusal(rule, used, open_offer=invited)
            if refusal is not None:
                return refusal
        return Allow(degraded=any(unheard for _, unheard in totals))


def _spent(rule: str, exchange: Exchange) -> _Spent:
    tokens = sum(_tokens(call, exchange) for call in exchange.tool_calls if matches(call.name, rule))
    price = exchange.output_usd_per_million_tokens if exchange.answered else None
    return _Spent(tokens, round(tokens * (price or 0.0) * 1000))


def _tokens(call: ToolCall, exchange: Exchange) -> int:
    if call.arguments is not None:
        return estimate(call.name + json.dumps(call.arguments, ensure_ascii=False))
    said = (text.value for text in exchange.texts if text.place[: len(call.place)] == call.place)
    return estimate(call.name + "".join(said))


def _is_answered(rule: str, exchange: Exchange) -> bool:
    return exchange.answered and _is_called(rule, exchange)


def _is_called(rule: str, exchange: Exchange) -> bool:
    return any(matches(call.name, rule) for call in exchange.tool_calls)


def _is_offered(rule: str, exchange: Exchange) -> bool:
    return not exchange.answered and any(matches(name, rule) for name in exchange.tools)


def _nano(usd: float | None) -> int | None:
    return None if usd is None else round(usd * _NANO)
