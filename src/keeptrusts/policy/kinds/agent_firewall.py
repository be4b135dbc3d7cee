"""What an agent may do: which tools, how often, for how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from keeptrusts.core.exchange import Exchange, Part, Phase, ToolCall
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import NameRule, matches_any, never_allowed, tool_names
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:  # lint counts nothing, and these take long to import
    from keeptrusts.policy.agent_counts import Limit, Totals
    from keeptrusts.policy.asking import Ask

ROLE_HEADER = "x-user-role"
AMOUNTS = frozenset({"amount", "total", "total_amount", "value", "sum", "price", "payment", "transfer_amount"})
"""Arguments that are taken for the amount of a transaction; `amount_usd` and the like count by their first word."""


@dataclass(frozen=True)
class RoleTools(Section):
    allowed: Annotated[tuple[NameRule, ...], Attr("Tools; empty means every tool.", stronger="only")] = ()
    denied: Annotated[tuple[NameRule, ...], Attr("Tools denied even when allowed.", stronger="more")] = ()


@dataclass(frozen=True)
class Tools(Section):
    roles: Annotated[
        Mapping[str, RoleTools], Attr("Role, from the header `x-user-role`, to tools.", stronger="only")
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class TransactionLimits(Section):
    max_single_transaction: Annotated[
        float | None, Attr("Refuse a call for a larger amount.", minimum=0, stronger="lower")
    ] = None
    max_daily_total: Annotated[
        float | None,
        Attr(
            "Refuse a call that would make its agent's amounts of 24 hours larger.",
            minimum=0,
            maximum=1e12,
            stronger="lower",
        ),
    ] = None
    require_approval_above: Annotated[
        float | None, Attr("Escalate a call for a larger amount.", minimum=0, stronger="lower")
    ] = None

    def faults(self) -> Iterable[Fault]:
        highest, ask = self.max_single_transaction, self.require_approval_above
        if highest is not None and ask is not None and ask >= highest:
            message = "`require_approval_above` is not below `max_single_transaction`, so nobody is ever asked"
            yield Fault("E009", ("require_approval_above",), message, "lower it, or remove it")


@dataclass(frozen=True)
class KillSwitches(Section):
    max_errors_before_halt: Annotated[
        int | None,
        Attr(
            "Errors after which a session gets no more tools for a day.", minimum=1, maximum=1_000_000, stronger="lower"
        ),
    ] = None
    halt_on_pii_in_action: Annotated[bool, Attr("Refuse a call whose arguments hold personal data.", stronger="on")] = (
        False
    )
    halt_on_suspicious_pattern: Annotated[
        bool,
        Attr("Refuse a call whose arguments score 0.75 or more, as `prompt-injection` scores a text.", stronger="on"),
    ] = False


@dataclass(frozen=True)
class Monitoring(Section):
    alert_on_denied_action: Annotated[
        bool,
        Attr(
            "Write a warning to the gateway's log when a tool or a call is refused.", judged=False, stronger="neutral"
        ),
    ] = False
    alert_on_rate_limit: Annotated[
        bool, Attr("The same when a rate or the daily total is used up, or nearly.", judged=False, stronger="neutral")
    ] = False
    alert_threshold_percent: Annotated[
        int | None,
        Attr(
            "Record from which share of a rate or of the daily total it is nearly used up.",
            minimum=1,
            maximum=100,
            stronger="neutral",
        ),
    ] = None


@dataclass(frozen=True)
class AgentFirewall(Policy):
    """
    Refuse tools and calls that an agent may not have.

    It looks at the tools that a request offers, at the calls in its history and at the calls of the answer. The actions
    of a session are those that the request's own history shows; a request that has used them up and still offers tools
    is refused.

    Rates, the daily total and errors are counted by the gateway, for the client's key, or without one for its agent,
    user or address. Rates are calls of an answer in any minute: a tool has its own, exactly or by a glob whose tools
    share it, or `default`, each tool by itself. The daily total is of the largest amount of each call, in any 24 hours.
    An answer for which there is no room is refused and not counted. Errors are what this kind refused in a session
    (`x-session-id`) in 24 hours, and results of tools that say so: `Error:`, a traceback, `{"error": ...}`. A session
    with `max_errors_before_halt` of them gets no more tools until a day after: `agent_firewall.halted`.
    """

    kind: ClassVar[str] = "agent-firewall"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.TOOL})
    counts: ClassVar[bool] = True
    example: ClassVar[str] = """
        blocked_tools: ["shell*"]
        max_actions_per_session: 20
        transaction_limits: {max_single_transaction: 1000, require_approval_above: 100}
    """

    allowed_tools: Annotated[tuple[NameRule, ...], Attr("Tools; empty means every tool.", stronger="only")] = ()
    blocked_tools: Annotated[tuple[NameRule, ...], Attr("Tools refused even when allowed.", stronger="more")] = ()
    max_actions_per_session: Annotated[
        int | None, Attr("Most calls in a conversation.", minimum=1, stronger="lower")
    ] = None
    tools: Annotated[Tools, Attr("Tools by role.")] = Tools()
    transaction_limits: Annotated[TransactionLimits, Attr("Limits on amounts in arguments.")] = TransactionLimits()
    kill_switches: Annotated[KillSwitches, Attr("What stops a call at once.")] = KillSwitches()
    rate_limits: Annotated[
        Mapping[str, Annotated[int, Attr(minimum=1, maximum=1_000_000)]],
        Attr("Tool to its most calls in a minute; `default` is for every tool without a rate.", stronger="unclear"),
    ] = field(default_factory=dict)
    monitoring: Annotated[Monitoring, Attr("What operators are told.")] = Monitoring()

    def faults(self) -> Iterable[Fault]:
        yield from never_allowed(self.allowed_tools, self.blocked_tools, ("allowed_tools",), "blocked_tools")
        for name, rights in self.tools.roles.items():
            keys = ("tools", "roles", name, "allowed")
            yield from never_allowed(rights.allowed, (*rights.denied, *self.blocked_tools), keys, "denied")

    def counts_requests(self) -> bool:
        counted = (self.kill_switches.max_errors_before_halt, self.transaction_limits.max_daily_total)
        return bool(self.rate_limits) or any(one is not None for one in counted)

    def logged(self, verdict: Verdict) -> str | None:
        limited = verdict.code in {f"agent_firewall.{detail}" for detail in ("rate_limit", "daily_limit", "near_limit")}
        denied = isinstance(verdict, Block) and not limited
        wanted = self.monitoring
        told = (wanted.alert_on_rate_limit and limited) or (wanted.alert_on_denied_action and denied)
        return "warning" if told else None

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        from keeptrusts.policy.agent_counts import asking, failed_results, refusals

        most = self.kill_switches.max_errors_before_halt
        if most is None or not tool_names(exchange):
            return self._decide(exchange)
        left = most - failed_results(exchange)
        if left <= 0:
            return HALTED
        return asking((refusals(exchange, self._owner(exchange), 0),), partial(self._unless_halted, exchange, left))

    def _unless_halted(self, exchange: Exchange, left: int, totals: Totals) -> Verdict | Ask:
        ((refused, unheard),) = totals
        return HALTED if refused >= left else self._decide(exchange, unheard=unheard)

    def _decide(self, exchange: Exchange, *, unheard: bool = False) -> Verdict | Ask:
        from keeptrusts.policy.agent_counts import asking

        said = self._judged(exchange)
        if isinstance(said, Block):
            return self._refused(exchange, said)
        limits = tuple(self._limits(exchange)) if exchange.answered else ()
        if not limits:
            return replace(said, degraded=unheard) if isinstance(said, Allow) else said
        return asking((one.asked for one in limits), partial(self._with_room, exchange, said, limits))

    def _with_room(self, exchange: Exchange, said: Verdict, limits: tuple[Limit, ...], totals: Totals) -> Verdict | Ask:
        """Add to the counts only what there is room for, so that what is refused uses nothing up."""
        from keeptrusts.policy.agent_counts import asking

        for limit, (total, _) in zip(limits, totals, strict=True):
            if total + limit.count.amount > limit.most:
                return self._refused(exchange, limit.refusal)
        return asking((one.count for one in limits), partial(self._added, exchange, said, limits))

    def _added(self, exchange: Exchange, said: Verdict, limits: tuple[Limit, ...], totals: Totals) -> Verdict | Ask:
        for limit, (total, _) in zip(limits, totals, strict=True):
            if total > limit.most:  # somebody else was faster
                return self._refused(exchange, limit.refusal)
        if not isinstance(said, Allow):
            return said
        percent = self.monitoring.alert_threshold_percent
        near = any(limit.near(total, percent) for limit, (total, _) in zip(limits, totals, strict=True))
        degraded = any(unheard for _, unheard in totals)
        return replace(said, code="agent_firewall.near_limit" if near else said.code, degraded=degraded)

    def _refused(self, exchange: Exchange, said: Block) -> Verdict | Ask:
        from keeptrusts.policy.agent_counts import asking, refusals

        if self.kill_switches.max_errors_before_halt is None:
            return said
        return asking((refusals(exchange, self._owner(exchange), 1),), lambda _: said)

    def _limits(self, exchange: Exchange) -> Iterator[Limit]:
        from keeptrusts.policy.agent_counts import daily_limit, rate_limits

        owner = self._owner(exchange)
        yield from rate_limits(self.rate_limits, exchange, owner)
        most = self.transaction_limits.max_daily_total
        amount = sum(max(amounts_of(call), default=0.0) for call in exchange.tool_calls) if most is not None else 0.0
        if most is not None and amount:
            yield daily_limit(most, amount, owner)

    def _owner(self, exchange: Exchange) -> tuple[str, ...]:
        from keeptrusts.policy.agent_counts import owner_of

        return owner_of(exchange, self.kind)

    def _judged(self, exchange: Exchange) -> Verdict:
        return (
            self._named(exchange)
            or self._counted(exchange)
            or self._scanned(exchange)
            or self._priced(exchange)
            or Allow()
        )

    def _named(self, exchange: Exchange) -> Verdict | None:
        names = tool_names(exchange)
        for name in names:
            if matches_any(name, self.blocked_tools):
                return Block("agent_firewall.blocked_tool", "one of these tools is blocked")
            if self.allowed_tools and not matches_any(name, self.allowed_tools):
                return Block("agent_firewall.tool_not_allowed", "one of these tools is not allowed")
        return self._of_role(names, exchange.caller.headers.get(ROLE_HEADER, "")) if self.tools.roles else None

    def withholds(self) -> bool:
        return self.transaction_limits.require_approval_above is not None

    def _of_role(self, names: list[str], role: str) -> Verdict | None:
        rights = self.tools.roles.get(role)
        if rights is None:
            message = f"the header `{ROLE_HEADER}` must name a role that may use tools"
            return Block("agent_firewall.role", message) if names else None
        for name in names:
            if matches_any(name, rights.denied) or (rights.allowed and not matches_any(name, rights.allowed)):
                return Block("agent_firewall.role_tool", "this role may not use one of these tools")
        return None

    def _counted(self, exchange: Exchange) -> Verdict | None:
        most = self.max_actions_per_session
        calls = len(exchange.tool_calls)
        used_up = most is not None and calls >= most and bool(exchange.tools) and not exchange.answered
        if most is not None and (calls > most or used_up):
            return Block("agent_firewall.max_actions", f"the session has used its {most} actions")
        return None

    def _scanned(self, exchange: Exchange) -> Verdict | None:
        if self.kill_switches.halt_on_pii_in_action and (found := _in_arguments(exchange, "pii")):
            return Block("agent_firewall.pii", "the arguments of a call hold personal data", found)
        if self.kill_switches.halt_on_suspicious_pattern and (found := _in_arguments(exchange, "injection")):
            return Block("agent_firewall.suspicious", "the arguments of a call look like an attack", found)
        return None

    def _priced(self, exchange: Exchange) -> Verdict | None:
        limits = self.transaction_limits
        bounds = [one for one in (limits.max_single_transaction, limits.max_daily_total) if one is not None]
        if not bounds and limits.require_approval_above is None:
            return None
        if any(call.arguments is None for call in exchange.tool_calls):
            return Block("agent_firewall.unreadable", "the arguments of a call cannot be read")
        largest = max((amount for call in exchange.tool_calls for amount in amounts_of(call)), default=0.0)
        if bounds and largest > min(bounds):
            return Block("agent_firewall.transaction_limit", "a call is for more than is allowed")
        if limits.require_approval_above is not None and largest > limits.require_approval_above:
            return Escalate("agent_firewall.approval", "a call is for an amount that somebody must approve")
        return None


HALTED: Final = Block("agent_firewall.halted", "this session has made too many errors; it gets no tools for a day")


def amounts_of(call: ToolCall) -> Iterator[float]:
    """Amounts in a call's arguments, at any depth; without sign, since a refund moves money too."""
    stack: list[tuple[str, Any]] = [("", call.arguments)]
    while stack:
        key, value = stack.pop()
        match value:
            case Mapping():
                stack += value.items()
            case list() | tuple():
                stack += ((key, item) for item in value)
            case str() | int() | float() if _is_amount(key) and not isinstance(value, bool):
                yield abs(_number(value))
            case _:
                pass


def _is_amount(key: object) -> bool:
    name = str(key).lower().replace("-", "_")
    return name in AMOUNTS or name.partition("_")[0] == "amount" or name.endswith("_amount")


def _number(value: float | str) -> float:
    """A number, also when it is written `"$1,000.50"` or `"1.000,50 EUR"`. What cannot be read is too much."""
    if not isinstance(value, str):
        return float(value)
    kept = "".join(letter for letter in value if letter.isdigit() or letter in ".,")
    for mark in ".,":
        other = "." if mark == "," else ","
        thousands = kept.count(mark) > 1 or (other in kept and kept.rfind(other) > kept.rfind(mark))
        if thousands or (mark == "," and len(kept.rpartition(",")[2]) == 3):
            kept = kept.replace(mark, "")
    try:
        return float(kept.replace(",", "."))
    except ValueError:
        return float("inf") if value.strip() else 0.0


def _in_arguments(exchange: Exchange, category: str) -> tuple[Match, ...]:
    from keeptrusts.detect.topics import recognise

    calls = (text for text in exchange.texts if text.part is Part.TOOL_CALL)
    return tuple(
        Match(text.place, hit.start, hit.end, hit.category) for text in calls for hit in recognise(category, text.value)
    )
