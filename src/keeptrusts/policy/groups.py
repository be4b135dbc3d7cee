"""The section `model_groups`, and what must hold between it and the targets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Final

from keeptrusts.policy.schema import Attr, Block, Fault

_SHOWN: Final = 20
Name = Annotated[str, Attr(minimum=1, maximum=200, stronger="unclear")]


@dataclass(frozen=True, slots=True)
class ModelGroup(Block):
    name: Annotated[str, Attr("What clients send as `model`.", minimum=1, maximum=200, stronger="neutral")]
    targets: Annotated[
        tuple[Name, ...], Attr("Ids of `providers.targets`, in their order.", minimum=1, stronger="unclear")
    ]
    aliases: Annotated[tuple[Name, ...], Attr("Further names for it.", stronger="unclear")] = ()
    fallback_group: Annotated[str | None, Attr("Group whose targets follow those of this one.", stronger="unclear")] = (
        None
    )


def group_faults(groups: Sequence[ModelGroup], models: Mapping[str, bool], *, falls_back: bool) -> Iterable[Fault]:
    """
    What is wrong with the groups of a document.

    Args:
        models: The ids of its targets, and whether each asks for a model of its own.
        falls_back: `providers.fallback.enabled`.
    """
    following = {group.name: group.fallback_group for group in groups}
    yield from _name_faults(groups)
    circular = _circular(following)
    for index, group in enumerate(groups):
        yield from _target_faults(index, group, models)
        if group.fallback_group is None:
            continue
        keys = ("model_groups", index, "fallback_group")
        if group.fallback_group not in following:
            message = f"there is no group `{group.fallback_group}`"
            yield Fault("E006", keys, message, _one_of(following))
        elif group.name in circular:
            yield Fault("E006", keys, f"the fallback of `{group.name}` leads back to it", "end it at some group")
        elif not falls_back:
            message = "`fallback_group` does nothing without `providers.fallback.enabled: true`"
            yield Fault("E009", keys, message, "switch fallback on, or remove it")


def _name_faults(groups: Sequence[ModelGroup]) -> Iterable[Fault]:
    seen: set[str] = set()
    for index, group in enumerate(groups):
        places: list[tuple[str, tuple[str | int, ...]]] = [(group.name, ("name",))]
        places += [(alias, ("aliases", place)) for place, alias in enumerate(group.aliases)]
        for name, keys in places:
            if name in seen:
                message = f"`{name}` is the name or alias of a group already"
                yield Fault("E005", ("model_groups", index, *keys), message, "give each its own name")
            seen.add(name)


def _target_faults(index: int, group: ModelGroup, models: Mapping[str, bool]) -> Iterable[Fault]:
    seen: set[str] = set()
    for place, name in enumerate(group.targets):
        keys = ("model_groups", index, "targets", place)
        if name not in models:
            yield Fault("E006", keys, f"there is no target `{name}`", _one_of(models))
        elif name in seen:
            yield Fault("E005", keys, f"`{name}` is in the group twice", "remove one of the two")
        elif not models[name]:
            message = f"`{name}` has no `model`, so its provider would be asked for `{group.name}`"
            yield Fault("E004", keys, message, "give the target a `model`")
        seen.add(name)


def _circular(following: Mapping[str, str | None]) -> set[str]:
    """Those whose fallbacks lead back to them. Each is followed once, however many there are."""
    circular: set[str] = set()
    done: set[str] = set()
    for name in following:
        way: dict[str, None] = {}
        at: str | None = name
        while at is not None and at in following and at not in done and at not in way:
            way[at] = None
            at = following[at]
        if at in way:
            steps = list(way)
            circular.update(steps[steps.index(at) :])
        done.update(way)
    return circular


def _one_of(names: Collection[str]) -> str:
    if not names:
        return "there is none to name"
    rest = len(names) - _SHOWN
    more = f" or another of {rest} more" if rest > 0 else ""
    return "name one of " + ", ".join(f"`{name}`" for name in islice(names, _SHOWN)) + more
