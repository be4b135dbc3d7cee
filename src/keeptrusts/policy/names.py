"""Names of tools and models, and the rules that they match: exactly, or as globs when the rule holds `*`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

from keeptrusts.core.exchange import Exchange
from keeptrusts.policy.schema import Attr

NameRule: TypeAlias = Annotated[str, Attr(minimum=1, maximum=200)]


def matches(name: str, rule: str) -> bool:
    """Whether a name matches. Linear in both: the pieces between the stars are looked for from the left."""
    head, *rest = rule.split("*")
    if not rest:
        return name == rule
    tail = rest.pop()
    if not name.startswith(head) or not name.endswith(tail) or len(name) < len(head) + len(tail):
        return False
    at, end = len(head), len(name) - len(tail)
    for piece in rest:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def matches_any(name: str, rules: Iterable[str]) -> bool:
    """Whether a name matches one of the rules."""
    return any(matches(name, rule) for rule in rules)


def tool_names(exchange: Exchange) -> list[str]:
    """Tools of this exchange by name: those called, and in a request those offered, each once."""
    offered = () if exchange.answered else exchange.tools
    return list(dict.fromkeys([*offered, *(call.name for call in exchange.tool_calls)]))
