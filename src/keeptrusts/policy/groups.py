"""The section `model_groups`, and what must hold between it and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from keeptrusts.policy.schema import Attr, Block, Fault

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
    for index, group in enumerate(groups):
        yield from _target_faults(index, group, models)
        if group.fallback_group is None:
            continue
        keys = ("model_groups", index, "fallback_group")
        if group.fallback_group not in following:
            message = f"there is no group `{group.fallback_group}`"
            yield Fault("E006", keys, message, _one_of(following))
        elif _leads_back(group.name, following):
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
    for place, name in enumerate(group.targets):
        keys = ("model_groups", index, "targets", place)
        if name not in models:
            yield Fault("E006", keys, f"there is no target `{name}`", _one_of(models))
        elif name in group.targets[:place]:
            yield Fault("E005", keys, f"`{name}` is in the group twice", "remove one of the two")
        elif not models[name]:
            message = f"`{name}` has no `model`, so its provider would be asked for `{group.name}`"
            yield Fault("E004", keys, message, "give the target a `model`")


def _leads_back(name: str, following: Mapping[str, str | None]) -> bool:
    at = following.get(name)
    for _ in following:
        if at == name:
            return True
        at = following.get(at) if at is not None else None
    return False


def _one_of(names: Iterable[str]) -> str:
    return "name one of " + ", ".join(f"`{name}`" for name in names) if names else "there is none to name"
