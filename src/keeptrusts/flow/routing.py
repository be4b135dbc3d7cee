"""Which targets a request may go to, and in which order they are tried."""

from __future__ import annotations

from collections.abc import Sequence

from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import ChooseTargets, Flow
from keeptrusts.policy.compiled import CompiledPolicy, ModelGroup, TargetSettings


def tiers(policy: CompiledPolicy, model: str) -> list[list[TargetSettings]]:
    """
    The targets for this model: those of its group, then those of the groups it falls back to.

    A name that is no group's goes to every target.
    """
    group = group_of(policy, model)
    if group is None:
        return [list(policy.targets)]
    known = {settings.target.id: settings for settings in policy.targets}
    named = {one.name: one for one in policy.groups}
    found: list[list[TargetSettings]] = []
    seen: set[str] = set()
    while group is not None:
        found.append([known[name] for name in group.targets if name not in seen])
        seen.update(group.targets)
        group = named.get(group.fallback_group) if group.fallback_group is not None else None
    return found


def group_of(policy: CompiledPolicy, model: str) -> ModelGroup | None:
    """The group that a client means by this name or alias."""
    return next((one for one in policy.groups if model == one.name or model in one.aliases), None)


def choose(notes: Notes, admitted: Sequence[TargetSettings]) -> Flow[list[TargetSettings]]:
    """These targets in the order in which to try them; each group by itself, in the order of the groups."""
    if len(admitted) < 2:
        return list(admitted)
    allowed = {settings.target.id: settings for settings in admitted}
    chosen: list[TargetSettings] = []
    for tier in tiers(notes.snapshot.policy, notes.model or ""):
        names = tuple(settings.target.id for settings in tier if settings.target.id in allowed)
        if len(names) > 1:
            names = yield from ChooseTargets(names, _sticky(notes))
        chosen += [allowed[name] for name in names]
    return chosen


def _sticky(notes: Notes) -> str:
    """What stays with one target. Who is not named goes by address."""
    caller = notes.arrival.caller
    named = {
        "consumer": caller.key_id,
        "user": caller.user_id or notes.user,
        "session": caller.session_id,
        "agent": caller.agent_id,
        "ip": None,
    }[notes.snapshot.policy.routing.sticky_by]
    return named or caller.ip
