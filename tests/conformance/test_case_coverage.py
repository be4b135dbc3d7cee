"""Which cases each kind has: of each of six sorts, and of every choice of its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin

import pytest

from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.policy.schema import keys_of, split
from support.policy_cases import Case, cases

ALL = {kind: list(of_it) for kind, of_it in groupby(cases(), attrgetter("kind"))}
NO_TEXT = "it looks at no text"
EXCEPTIONS = {
    ("audit-logger", "objects"): "it never objects",
    ("audit-logger", "disguised"): NO_TEXT,
    ("cjis-mode", "disguised"): NO_TEXT,
    ("data-routing-policy", "disguised"): NO_TEXT,
    ("flagged-review", "disguised"): "the reviewer gets the text as it is and says what it means",
}
"""Sorts that a kind cannot have, with the reason."""
Path = tuple[str, ...]


def refused(case: Case) -> bool:
    return isinstance(case.want, dict) and "invalid" in case.want


def allowed(case: Case) -> bool:
    passes = isinstance(case.want, dict) and bool(case.want.get("targets"))
    return passes or case.want == "allow"


SORTS = {
    "allow": allowed,
    "objects": lambda case: not allowed(case) and not refused(case),
    "boundary": lambda case: case.shows == "boundary",
    "disguised": lambda case: case.shows == "disguised",
    "empty config": lambda case: not case.config,
    "bad config": refused,
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_cases_of_every_sort(kind: str) -> None:
    """What passes and what does not, the edge, a disguise, no settings and wrong ones; exceptions are written down."""
    missing = {sort for sort, is_one in SORTS.items() if not any(map(is_one, ALL[kind]))}
    assert missing == {sort for one, sort in EXCEPTIONS if one == kind}


@pytest.mark.parametrize("kind", KINDS)
def test_each_choice_of_a_setting_has_a_case(kind: str) -> None:
    """Every action, mode and the like is set by a case that runs, or is the default of one."""
    valid = [case for case in ALL[kind] if not refused(case)]
    for path, choices, default in chosen_from(load_kind(kind)):
        said = {value for case in valid for value in values_at(case.config, path, default)}
        assert said >= choices, f"`{'.'.join(path)}` has no case with {sorted(choices - said)}"


def chosen_from(block: type, above: Path = ()) -> Iterator[tuple[Path, frozenset[str], Any]]:
    """The keys that take one of some words, with their default; `*` stands for each item or name."""
    for key in keys_of(block).values():
        if not key.attr.judged:
            continue
        path, inner = (*above, key.name), key.annotation
        for annotation in (inner, *get_args(inner)):
            bare, _ = split(annotation)
            if is_dataclass(bare) and isinstance(bare, type):
                yield from chosen_from(bare, path if annotation is inner or not _many(inner) else (*path, "*"))
            elif get_origin(bare) is Literal:
                words = frozenset(one for one in get_args(bare) if isinstance(one, str))
                yield (*path, "*") if _many(inner) else path, words, key.default


def _many(annotation: Any) -> bool:
    return get_origin(annotation) in {tuple, frozenset, Mapping} or getattr(get_origin(annotation), "__name__", "") in {
        "Mapping",
        "Sequence",
    }


def values_at(config: Any, path: Path, default: Any) -> Iterator[Any]:
    """What a config says there; the default where it says nothing."""
    if not path:
        yield config
    elif path[0] == "*":
        members = config.values() if isinstance(config, Mapping) else config if isinstance(config, list) else ()
        for member in members:
            yield from values_at(member, path[1:], default)
    elif isinstance(config, Mapping) and path[0] in config:
        yield from values_at(config[path[0]], path[1:], default)
    elif "*" in path[1:]:
        yield from default if isinstance(default, tuple | frozenset | list) else ()
    else:
        yield default
