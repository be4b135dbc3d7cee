"""Two values of one declaration side by side: what differs, and which way it goes (ADR-0130)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_origin

from keeptrusts.policy.schema import Attr, Block, Stronger, as_plain, keys_of

Effect: TypeAlias = Literal["strengthens", "weakens", "neutral"]
What: TypeAlias = Literal["changed", "added", "removed", "reordered"]

NAMED_BY = ("id", "label", "name")
"""Keys by which an item of a list is known again."""
_TURNED: Mapping[Effect, Effect] = {"strengthens": "weakens", "weakens": "strengthens", "neutral": "neutral"}


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference in what two documents mean.

    Args:
        path: Dotted, as in findings, but for items of lists that have a name: `providers.targets[openai].region`.
        before: Plain JSON; None when there was nothing, and when it is secret.
        reason: Why it has this effect, where the path does not tell.
    """

    path: str
    what: What
    effect: Effect
    before: Any = None
    after: Any = None
    secret: bool = False
    reason: str = ""

    def as_line(self) -> str:
        """`pii-detector.action: redact -> block (strengthens)`: for a plan, a review, a terminal."""
        reason = f"; {self.reason}" if self.reason else ""
        return f"{self.path.removeprefix('policy.')}: {self._difference()} ({self.effect}{reason})"

    def _difference(self) -> str:
        if self.secret:
            return "changed, not shown"
        match self.what:
            case "added":
                return f"+ {_shown(self.after)}"
            case "removed":
                return f"- {_shown(self.before)}"
            case _:
                return f"{_shown(self.before)} -> {_shown(self.after)}"

    def as_json(self) -> dict[str, Any]:
        """What `kt policy diff --format json` prints of it."""
        return {
            "path": self.path,
            "change": self.what,
            "effect": self.effect,
            "before": self.before,
            "after": self.after,
            "secret": self.secret,
            "reason": self.reason,
        }


Items: TypeAlias = Sequence[Any]
_MOST_SHOWN = 120


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def compare_blocks(before: Block, after: Block, path: str, within: Stronger | None = None) -> Iterator[Change]:
    """
    What differs between two blocks of one class, key by key.

    Args:
        within: What the key that holds them says of keys that say nothing.
    """
    before, after = before.beside(after), after.beside(before)
    for key in keys_of(type(before)).values():
        stronger = key.attr.stronger or within
        pair = getattr(before, key.name), getattr(after, key.name)
        yield from compare(*pair, f"{path}.{key.name}" if path else key.name, stronger, secret=key.attr.secret)


def compare(before: Any, after: Any, path: str, stronger: Stronger | None, *, secret: bool = False) -> Iterator[Change]:
    """What differs between two values of one key."""
    if before == after:
        return
    if isinstance(before, Block) and isinstance(after, Block):
        yield from compare_blocks(before, after, path, stronger)
    elif stronger not in {"neutral", "unclear", None} and isinstance(before, Mapping):
        yield from _mappings(before, after, path, stronger)
    elif stronger not in {"neutral", "unclear", None} and isinstance(before, tuple | frozenset):
        yield from _lists(_items(before), _items(after), path, stronger)
    elif effect := _effect(before, after, stronger):
        was, becomes = (None, None) if secret else (as_plain(before), as_plain(after))
        yield Change(path, "changed", effect, was, becomes, secret)


def _items(value: Any) -> list[Any]:
    return sorted(value, key=str) if isinstance(value, frozenset) else list(value)


def _effect(before: Any, after: Any, stronger: Stronger | None) -> Effect | None:
    """
    Which way a single value went; None when both say the same.

    What cannot be told counts as weaker: somebody should look at it.
    """
    if stronger == "neutral":
        return "neutral"
    was, becomes = _strictness(before, stronger), _strictness(after, stronger)
    if was is None or becomes is None:
        return "weakens"
    if was == becomes:
        return None
    return "strengthens" if becomes > was else "weakens"


def _strictness(value: Any, stronger: Stronger | None) -> float | None:
    """The more the stricter; None when it cannot be told."""
    if isinstance(stronger, tuple):
        return stronger.index(value) if value in stronger else None
    if stronger in {"lower", "higher"}:
        return -math.inf if value is None else value * (1 if stronger == "higher" else -1)
    if stronger in {"on", "off"}:
        return float(bool(value) is (stronger == "on"))
    return float(value is not None) if stronger == "given" else None


def _mappings(before: Mapping[str, Any], after: Mapping[str, Any], path: str, stronger: Stronger) -> Iterator[Change]:
    if stronger == "defaulted":
        yield from _defaulted(before, after, path)
        return
    whole = _whole(before, after, path, stronger)
    if whole:
        yield whole
        return
    for name in [*before, *(name for name in after if name not in before)]:
        inner = f"{path}.{name}"
        if name in before and name in after:
            yield from compare(before[name], after[name], inner, "unclear")
        else:
            yield _one(inner, before.get(name), after.get(name), stronger)


def _defaulted(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    some = next(iter([*before.values(), *after.values()]))
    default = type(some)()
    for name in [*before, *(name for name in after if name not in before)]:
        yield from compare(before.get(name, default), after.get(name, default), f"{path}.{name}", "unclear")


def _lists(before: Items, after: Items, path: str, stronger: Stronger) -> Iterator[Change]:
    whole = _whole(before, after, path, stronger)
    if whole:
        yield whole
        return
    was, becomes = _named(before), _named(after)
    for name in [*was, *(name for name in becomes if name not in was)]:
        if name in was and name in becomes:
            yield from compare(was[name], becomes[name], f"{path}[{name}]", "unclear")
        else:
            inner = f"{path}[{name}]" if isinstance({**was, **becomes}[name], Block) else path
            yield _one(inner, was.get(name), becomes.get(name), stronger)
    kept = [name for name in was if name in becomes]
    if kept != [name for name in becomes if name in was] and isinstance(before[0], Block):
        yield Change(path, "reordered", "neutral", list(was), list(becomes))


def _named(items: Iterable[Any]) -> dict[Any, Any]:
    """Items by what they are known by: the texts themselves, blocks by their name or, without one, by their place."""
    named: dict[Any, Any] = {}
    for index, item in enumerate(items):
        name = item
        if isinstance(item, Block):
            name = next((str(getattr(item, key)) for key in NAMED_BY if key in keys_of(type(item))), str(index))
        named[name if name not in named else f"{name}#{index}"] = item
    return named


def _whole(before: Any, after: Any, path: str, stronger: Stronger) -> Change | None:
    """The change of a list whose meaning turns when it becomes empty or ceases to be."""
    if stronger not in {"only", "among"} or (before and after):
        return None
    filled = bool(after) == (stronger == "only")
    plain = as_plain(before), as_plain(after)
    empty = "everything passes" if stronger == "only" else "it means everything"
    return Change(path, "changed", "strengthens" if filled else "weakens", *plain, reason=f"when it is empty, {empty}")


def _one(path: str, before: Any, after: Any, stronger: Stronger) -> Change:
    added = before is None
    effect: Effect = "strengthens" if stronger in {"more", "among"} else "weakens"
    what: What = "added" if added else "removed"
    return Change(path, what, effect if added else _TURNED[effect], _as_written(before), _as_written(after))


def _as_written(value: Any) -> Any:
    """Plain JSON; of a block only what is not a default."""
    if not isinstance(value, Block):
        return as_plain(value)
    keys = keys_of(type(value)).values()
    return {key.name: as_plain(here) for key in keys if (here := getattr(value, key.name)) != key.default}


def undeclared(block: type[Block], path: str = "") -> Iterator[str]:
    """Keys that do not say which change of them strengthens, though nothing around them says it for them."""
    for key in keys_of(block).values():
        inner = f"{path}.{key.name}" if path else key.name
        held = list(blocks_in(key.annotation))
        collects = get_origin(key.annotation) in {tuple, frozenset, Mapping}
        if key.attr.stronger is None and (collects or not held):
            yield inner
        if key.attr.stronger != "neutral":
            for one in held:
                yield from undeclared(one, inner)


def blocks_in(annotation: Any) -> Iterator[type[Block]]:
    """The blocks that a type holds."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
    for inner in get_args(annotation):
        if not isinstance(inner, Attr):
            yield from blocks_in(inner)
