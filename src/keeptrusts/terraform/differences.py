"""
What a plan would set right, in words: from the JSON of `terraform show` and from what the gateways report. Pure.

Values are never among them, for a plan holds secrets; of a policy document there is what its change means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.terraform.instances import in_sync

What: TypeAlias = Literal["changed", "missing", "extra"]

WORDS: Final[Mapping[What, str]] = {
    "changed": "differs",
    "missing": "is declared and not there",
    "extra": "is there and no longer declared",
}
POLICY: Final = "policy_yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """
    A resource that is not as declared.

    Args:
        outside: Whether it was changed or deleted behind Terraform's back since the last apply; else the files changed.
        attributes: Those that differ, without what only follows from them.
        policy: What the document that is there means beside the declared one, a change a line.
        weakened: Whether one of these makes it more lenient.
        path: Of its object in the API; None: it is not ours, or there is none.
    """

    address: str
    what: What
    outside: bool
    attributes: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    weakened: bool = False
    path: str | None = None

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        del told["path"]
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A gateway with processes that run something else than it is to run: their ids, and why where they say it."""

    name: str
    desired_digest: str | None
    instances: Mapping[str, str]
    path: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "desired_digest": self.desired_digest, "instances": dict(self.instances)}


def has_state(plan: Mapping[str, Any]) -> bool:
    """Whether anything was ever applied: without a state every resource only looks new."""
    root = plan.get("prior_state", {}).get("values", {}).get("root_module", {})
    return any(one.get("mode") == "managed" for one in _all_resources(root))


def _all_resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _all_resources(child)


def differences(plan: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Of every resource, in the plan's order, which is that of the addresses."""
    drifted = {one["address"] for one in plan.get("resource_drift", ())}
    changes = (one for one in plan.get("resource_changes", ()) if one.get("mode") == "managed")
    return tuple(
        _difference(one, what, one["address"] in drifted)
        for one in changes
        if (what := _what(one["change"]["actions"])) is not None
    )


def outputs(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of those whose values would change."""
    return tuple(name for name, one in plan.get("output_changes", {}).items() if one["actions"] != ["no-op"])


def _what(actions: list[str]) -> What | None:
    if actions in (["no-op"], ["read"]):
        return None
    if actions == ["create"]:
        return "missing"
    return "extra" if actions in (["delete"], ["forget"]) else "changed"


def _difference(one: Mapping[str, Any], what: What, outside: bool) -> Difference:
    before, after = one["change"].get("before") or {}, one["change"].get("after") or {}
    unknown = one["change"].get("after_unknown") or {}
    names: tuple[str, ...] = ()
    if what == "changed":
        names = tuple(
            sorted(name for name in before | after if not unknown.get(name) and before.get(name) != after.get(name))
        )
    lines, weakened = _policy(after[POLICY], before[POLICY]) if POLICY in names else ((), False)
    return Difference(
        address=one["address"],
        what=what,
        outside=outside,
        attributes=names,
        policy=lines,
        weakened=weakened,
        path=_path(one["type"], before.get("id")),
    )


def _policy(declared: object, there: object) -> tuple[tuple[str, ...], bool]:
    from keeptrusts.policy.diff import diff_documents, weakenings
    from keeptrusts.policy.findings import InvalidPolicyError

    if not isinstance(declared, str) or not isinstance(there, str):
        return (), False
    try:
        changes = diff_documents(declared, there)
    except InvalidPolicyError:
        return (), False
    return tuple(change.as_line() for change in changes), bool(weakenings(changes))


def _path(kind: str, identifier: object) -> str | None:
    from keeptrusts.terraform.provider import RESOURCES, load_type
    from keeptrusts.terraform.resource import api_path

    return f"{api_path(load_type(RESOURCES, kind).noun)}/{identifier}" if kind in RESOURCES and identifier else None


def behind(gateways: Iterable[Mapping[str, Any]]) -> tuple[Behind, ...]:
    """Those that have such processes, by name. One that no process was heard of runs nothing wrong."""
    found = (
        Behind(
            name=one["name"],
            desired_digest=one["desired_digest"],
            instances={
                instance["instance_id"]: instance["last_error"] or f"runs {instance['active_digest'] or 'nothing'}"
                for instance in one["instances"]
                if not in_sync(one, instance)
            },
            path=f"/v1/gateways/{one['id']}",
        )
        for one in gateways
    )
    return tuple(sorted((one for one in found if one.instances), key=lambda one: one.name))
