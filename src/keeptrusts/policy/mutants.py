"""Blocks that differ from one in a single rule or threshold: what a good test of a policy would notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from keeptrusts.policy.schema import Attr, Block, Key, Stronger, keys_of

B = TypeVar("B", bound=Block)
FACTOR = 2


@dataclass(frozen=True, slots=True)
class Mutant(Generic[B]):
    """
    A block with one thing changed.

    Args:
        keys: Where, from the block: keys and indices.
        change: In words.
    """

    keys: tuple[str | int, ...]
    change: str
    block: B


def mutants(block: B) -> Iterator[Mutant[B]]:
    """Each rule dropped; each number, choice and flag one step more lenient. Only sound blocks that are told apart."""
    for key in keys_of(type(block)).values():
        for keys, change, value in _variants(getattr(block, key.name), key):
            mutant = replace(block, **{key.name: value})  # type: ignore[type-var]
            if block.is_told_from(mutant) and not any(fault.code.startswith("E") for fault in mutant.faults()):
                yield Mutant((key.name, *keys), change, mutant)


_Variant = tuple[tuple[str | int, ...], str, Any]


def _variants(value: Any, key: Key) -> Iterator[_Variant]:
    if key.attr.stronger == "neutral" or not key.attr.judged:
        return
    if isinstance(value, Block):
        yield from ((one.keys, one.change, one.block) for one in mutants(value))
    elif isinstance(value, Mapping):
        yield from _of_mapping(value)
    elif isinstance(value, tuple | frozenset):
        yield from _of_list(value, key.attr)
    else:
        laxer = _laxer(value, key.attr.stronger, key.attr)
        if laxer is not None and laxer != value:
            yield (), f"{_said(value)} becomes {_said(laxer)}", laxer


def _of_mapping(value: Mapping[str, Any]) -> Iterator[_Variant]:
    for name, member in value.items():
        yield (name,), "dropped", {other: one for other, one in value.items() if other != name}
        if isinstance(member, Block):
            for inner in mutants(member):
                yield (name, *inner.keys), inner.change, {**value, name: inner.block}


def _of_list(value: tuple[Any, ...] | frozenset[Any], attr: Attr) -> Iterator[_Variant]:
    items = sorted(value, key=str) if isinstance(value, frozenset) else list(value)
    for index, item in enumerate(items):
        if len(items) > (attr.minimum or 0):
            yield (index,), f"{_said(item)} dropped", type(value)(items[:index] + items[index + 1 :])
        if isinstance(item, Block):
            for inner in mutants(item):
                changed = [*items[:index], inner.block, *items[index + 1 :]]
                yield (index, *inner.keys), inner.change, type(value)(changed)


def _laxer(value: Any, stronger: Stronger | None, attr: Attr) -> Any:
    """The value one step more lenient; None when there is none."""
    if isinstance(stronger, tuple):
        place = stronger.index(value) if value in stronger else 0
        return stronger[place - 1] if place else None
    if isinstance(value, bool):
        return {"on": False, "off": True}.get(str(stronger))
    if not isinstance(value, int | float):
        return None
    if stronger == "lower":
        more = max(value * FACTOR, value + 1) if attr.maximum is None else min(attr.maximum, value * FACTOR or 1)
        return type(value)(more)
    if stronger == "higher":
        return max(type(value)(attr.minimum or 0), type(value)(value / FACTOR))
    return None


def _said(value: Any) -> str:
    if isinstance(value, Block):
        return "an item"
    return str(value).lower() if isinstance(value, bool) else f"`{value}`"
