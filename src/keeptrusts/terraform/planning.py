"""
What a plan says of each attribute. Pure.

The rule that spares users endless differences: a value that means what the state's value means keeps the state's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.schema import Attribute, Values, attributes_of


@dataclass(slots=True)
class Change:
    """
    A plan in the making.

    Args:
        prior: None: it is to be made.
        config: What the user wrote; null where nothing stands.
        planned: What will be.
        noted: Attributes whose change is written into the state and nowhere else, although they would replace.
    """

    state: type
    prior: Values | None
    config: Values
    planned: Values
    noted: set[str] = field(default_factory=set)
    _attributes: list[Attribute] = field(init=False)

    def __post_init__(self) -> None:
        self._attributes = list(attributes_of(self.state).values())

    def settle(self) -> None:
        """What follows from the configuration alone: defaults, what is never stored, what means the same as before."""
        for one in self._attributes:
            if one.attr.write_only:
                self.planned[one.name] = None
            elif self.config.get(one.name) is None:
                self._without_config(one)
            if self.prior is not None:
                self._keep(one, self.prior[one.name])

    def follow(self) -> None:
        """What the control plane will set anew because something changed."""
        if self.prior is None:
            return
        changed = set(self.changed())
        if not changed:
            return
        for one in self._attributes:
            free = one.attr.computed and not one.attr.by_plan and self.config.get(one.name) is None
            if free and (one.attr.follows is None or changed.intersection(one.attr.follows)):
                self.planned[one.name] = UNKNOWN

    def changed(self) -> Iterable[str]:
        """The attributes that will not be what they were."""
        prior = self.prior or {}
        return [
            one.name
            for one in self._attributes
            if self.planned[one.name] is UNKNOWN or self.planned[one.name] != prior.get(one.name)
        ]

    def replacing(self) -> list[str]:
        """The changed attributes that can only be had with a new object."""
        if self.prior is None:
            return []
        changed = set(self.changed()) - self.noted
        return [
            one.name
            for one in self._attributes
            if one.attr.replaces
            and one.name in changed
            and not one.same(self.prior[one.name], self.planned[one.name])  # null that becomes empty
        ]

    def _keep(self, one: Attribute, older: Any) -> None:
        """
        The state's own text, where it means the same.

        Null and empty mean the same too, but Terraform takes neither for the other: there the plan has what is written.
        """
        newer = self.planned[one.name]
        if newer is older:
            return
        if older is not None and newer is not None and one.same(older, newer):
            self.planned[one.name] = older

    def _without_config(self, one: Attribute) -> None:
        if one.default is not None:
            self.planned[one.name] = one.default
        elif one.attr.computed and self.prior is None:
            self.planned[one.name] = UNKNOWN


def keep_texts(state: type, older: Values, newer: Values) -> Values:
    """What was read, with the state's own text where it means the same."""
    kept = {**newer}
    for one in attributes_of(state).values():
        before = older.get(one.name)
        if kept[one.name] != before and one.same(before, kept[one.name]):
            kept[one.name] = before
    return kept
