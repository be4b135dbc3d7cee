"""Names of tools and models, and the rules that they match: exactly, or as globs when the rule holds `*`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, TypeAlias

from keeptrusts.core.exchange import Exchange
from keeptrusts.policy.schema import Attr, Fault

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


def shadowed(rules: Sequence[str], others: Sequence[str]) -> Iterator[tuple[int, str]]:
    """
    Rules of which every name matches one of the others too: their index, and that other.

    Of the others that are globs only the first thirty are tried, so that the time stays linear.
    """
    exact = frozenset(others)
    globs = [other for other in others if "*" in other][:_MOST_GLOBS]
    for index, rule in enumerate(rules):
        # a star in the rule can only be covered by a star, so the rule may be looked at as if it were a name
        cover = rule if rule in exact else next((glob for glob in globs if matches(rule, glob)), None)
        if cover is not None:
            yield index, cover


_MOST_GLOBS = 30


def never_allowed(
    allowed: Sequence[str], denied: Sequence[str], keys: tuple[str | int, ...], by: str
) -> Iterator[Fault]:
    """A warning for each rule that allows what is denied all the same. `by`: the name of the list that denies."""
    for index, cover in shadowed(allowed, denied):
        message = f"`{allowed[index]}` is never allowed, because `{by}` holds `{cover}`"
        yield Fault("W003", (*keys, index), message, "remove one of the two")


def matches_any(name: str, rules: Iterable[str]) -> bool:
    """Whether a name matches one of the rules."""
    return any(matches(name, rule) for rule in rules)


def tool_names(exchange: Exchange) -> list[str]:
    """Tools of this exchange by name: those called, and in a request those offered, each once."""
    offered = () if exchange.answered else exchange.tools
    return list(dict.fromkeys([*offered, *(call.name for call in exchange.tool_calls)]))
