"""Labels: the resource's own, the provider's defaults beneath them, and telling the two apart again when reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.schema import known

LONGEST_KEY = 63
LONGEST_VALUE = 255


def effective(own: Mapping[str, str] | None, defaults: Mapping[str, str] | None) -> dict[str, str]:
    """What the control plane is told."""
    return {**(defaults or {}), **(own or {})}


def own(
    found: Mapping[str, str], defaults: Mapping[str, str] | None, before: Mapping[str, str] | None
) -> dict[str, str] | None:
    """
    The resource's own labels among those found.

    Args:
        before: What was the resource's own: a label that equals a default stays its own when it was.
    """
    inherited = {
        name for name, value in (defaults or {}).items() if found.get(name) == value and name not in (before or {})
    }
    return {name: value for name, value in found.items() if name not in inherited} or None


def query(wanted: Mapping[str, str] | None) -> dict[str, str]:
    """The part of a list's address that asks for these labels."""
    return {f"label.{name}": value for name, value in (wanted or {}).items()}


def plan_effective(change: Change, defaults: Mapping[str, str] | None) -> None:
    """Plan `effective_labels`, so that a changed default is a difference of each resource."""
    mine = change.planned["labels"]
    value = effective(mine, defaults) if known(mine) and defaults is not None else UNKNOWN
    change.planned["effective_labels"] = value


def check(labels: Any) -> str | None:
    """What is wrong with labels."""
    for name, value in labels.items():
        if not 1 <= len(name) <= LONGEST_KEY:
            return f"a label's name has 1 to {LONGEST_KEY} characters"
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            return f"the value of the label `{name}` has more than {LONGEST_VALUE} characters"
        if value is None:
            return f"the label `{name}` is null; leave it out instead"
    return None
