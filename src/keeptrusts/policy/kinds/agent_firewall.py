"""What an agent may do: which tools, how often, for how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from keeptrusts.core.exchange import Exchange, Part, Phase, ToolCall
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import NameRule, matches_any, never_allowed, tool_names
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

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
    pending: ClassVar[frozenset[str]] = frozenset({"max_daily_total"})

    max_single_transaction: Annotated[
        float | None, Attr("Refuse a call for a larger amount.", minimum=0, stronger="lower")
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
    pending: ClassVar[frozenset[str]] = frozenset({"max_errors_before_halt"})

    halt_on_pii_in_action: Annotated[bool, Attr("Refuse a call whose arguments hold personal data.", stronger="on")] = (
        False
    )
    halt_on_suspicious_pattern: Annotated[
        bool, Attr("Refuse a call whose arguments look like an attack.", stronger="on")
    ] = False


@dataclass(frozen=True)
class AgentFirewall(Policy):
    """
    Refuse tools and calls that an agent may not have.

    It looks at the tools that a request offers, at the calls in its history and at the calls of the answer. It
    remembers nothing between requests: the actions of a session are those that the request's own history shows. A
    request that has used them up and still offers tools is refused.
    """

    kind: ClassVar[str] = "agent-firewall"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.TOOL})
    pending: ClassVar[frozenset[str]] = frozenset({"rate_limits", "monitoring"})
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

    def faults(self) -> Iterable[Fault]:
        yield from never_allowed(self.allowed_tools, self.blocked_tools, ("allowed_tools",), "blocked_tools")
        for name, rights in self.tools.roles.items():
            keys = ("tools", "roles", name, "allowed")
            yield from never_allowed(rights.allowed, (*rights.denied, *self.blocked_tools), keys, "denied")

    def judge(self, exchange: Exchange) -> Verdict:
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
        if self.kill_switches.halt_on_pii_in_action and (found := _pii(exchange)):
            return Block("agent_firewall.pii", "the arguments of a call hold personal data", found)
        if self.kill_switches.halt_on_suspicious_pattern and (found := _attacks(exchange)):
            return Block("agent_firewall.suspicious", "the arguments of a call look like an attack", found)
        return None

    def _priced(self, exchange: Exchange) -> Verdict | None:
        limits = self.transaction_limits
        if limits.max_single_transaction is None and limits.require_approval_above is None:
            return None
        if any(call.arguments is None for call in exchange.tool_calls):
            return Block("agent_firewall.unreadable", "the arguments of a call cannot be read")
        largest = max((amount for call in exchange.tool_calls for amount in amounts_of(call)), default=0.0)
        if limits.max_single_transaction is not None and largest > limits.max_single_transaction:
            return Block("agent_firewall.transaction_limit", "a call is for more than is allowed")
        if limits.require_approval_above is not None and largest > limits.require_approval_above:
            return Escalate("agent_firewall.approval", "a call is for an amount that somebody must approve")
        return None


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


def _pii(exchange: Exchange) -> tuple[Match, ...]:
    from keeptrusts.detect.pii import find_pii

    calls = (text for text in exchange.texts if text.part is Part.TOOL_CALL)
    return tuple(Match(text.place, hit.start, hit.end, hit.category) for text in calls for hit in find_pii(text.value))


def _attacks(exchange: Exchange) -> tuple[Match, ...]:
    from keeptrusts.detect.injection import assess

    found = []
    for text in exchange.texts:
        if text.part is Part.TOOL_CALL:
            said = assess(text.value)
            if said.score >= SUSPICIOUS:
                found += [Match(text.place, hit.start, hit.end, hit.category) for hit in said.hits]
    return tuple(found)


SUSPICIOUS = 0.75
