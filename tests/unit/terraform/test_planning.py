"""What a plan says of values that mean the same, within what Terraform lets a provider say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.schema import Attr


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Two attributes; a change of one makes a new object."""

    text: Annotated[str | None, Attr(about="Any.", same=lambda older, newer: older.lower() == newer.lower())] = None
    items: Annotated[frozenset[str] | None, Attr(about="Any.", replaces=True)] = None


def settled(before: dict[str, Any], config: dict[str, Any]) -> Change:
    change = Change(State, before, config, dict(config))
    change.settle()
    return change


def test_the_older_text_of_one_meaning_stays() -> None:
    """Only its spelling differs: the plan has the state's own."""
    assert settled({"text": "A", "items": None}, {"text": "a", "items": None}).planned["text"] == "A"


@pytest.mark.parametrize(("before", "config"), [(None, ""), ("", None)])
def test_null_is_not_planned_for_empty(before: str | None, config: str | None) -> None:
    """They mean the same, but a plan with the one where the other is written is refused by Terraform."""
    change = settled({"text": before, "items": None}, {"text": config, "items": None})
    assert change.planned["text"] == config


@pytest.mark.parametrize(("before", "config"), [(None, frozenset()), (frozenset(), None)])
def test_empty_for_null_replaces_nothing(before: Any, config: Any) -> None:
    """An imported key whose scopes are written as `[]` stays the key that it is."""
    change = settled({"text": None, "items": before}, {"text": None, "items": config})
    assert change.replacing() == []
    assert settled({"text": None, "items": before}, {"text": None, "items": frozenset("x")}).replacing() == ["items"]
