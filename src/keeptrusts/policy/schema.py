"""
One declaration per key: `name: Annotated[int, Attr("what it does", minimum=1)] = 5` in a frozen dataclass.

The reader validates with it, lint suggests from it, and the reference page prints it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Something wrong inside a block.

    Args:
        keys: Where, from the block: keys and indices.
    """

    code: str
    keys: tuple[str | int, ...]
    message: str
    suggestion: str = ""


Check: TypeAlias = Callable[[str], Fault | None]
"""Looks at one text; the keys of its fault are below that text: empty."""


Direction: TypeAlias = Literal[
    "lower", "higher", "on", "off", "given", "more", "fewer", "only", "among", "defaulted", "neutral", "unclear"
]
Stronger: TypeAlias = Direction | tuple[str, ...]
"""
Which change of a key makes a document stricter (ADR-0130).

* a tuple: its choices from the most lenient to the strictest; one that is not in it cannot be compared
* `lower`, `higher`: of a number; absent is the most lenient
* `on`, `off`: of true or false; `given`: of a block that may be absent
* `more`: each item asks for something; `fewer`: each item lets something pass
* `only`: nothing but the items passes, and an empty list lets everything pass
* `among`: nothing but the items is looked for, and an empty list looks for everything
* `defaulted`: a mapping; a key that is absent has the defaults of its block
* `neutral`: no change makes it stricter or more lenient; `unclear`: any change may do either, so it counts as weaker
"""


@dataclass(frozen=True, slots=True)
class Attr:
    """
    What the annotation says besides the type.

    Args:
        stronger: Which change of it strengthens. Blocks say it key by key, so a key that holds one needs nothing.
        secret: Its value is never shown.
        judged: A verdict may depend on it; False: only lint does, so that no test of a policy can notice it.
        minimum: Of a number; of text and lists: the shortest length.
        maximum: Likewise; of text in characters, of lists in items.
        check: A further look at the text.
        weigh: How much of the room that a document has for patterns the value takes, in states of an automaton.
        example: How the reference shows a value when the default does not tell.
    """

    description: str = ""
    minimum: float | None = None
    maximum: float | None = None
    check: Check | None = None
    weigh: Callable[[Any], int] | None = None
    example: str = ""
    stronger: Stronger | None = None
    secret: bool = False
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a block, as declared."""

    name: str
    annotation: Any
    attr: Attr
    required: bool
    default: Any


class Block:
    """
    A mapping of the document: a frozen dataclass whose fields are its keys.

    `pending`: keys of the published vocabulary that this version does not enforce, and therefore refuses.
    """

    pending: ClassVar[frozenset[str]] = frozenset()

    def faults(self) -> Iterable[Fault]:
        """What is wrong between keys. Asked when every key by itself is right."""
        return ()

    def beside(self, other: Self) -> Self:
        """The same in the spelling in which it can be compared with `other`, key by key."""
        del other
        return self

    def is_told_from(self, other: Self) -> bool:
        """Whether some traffic could be treated differently, where `other` differs in one key that is set here."""
        return self != other


def keys_of(block: type) -> Mapping[str, Key]:
    """The declared keys of a block, in their order."""
    known = _known.get(block)
    if known is None:
        hints = get_type_hints(block, include_extras=True)
        known = {one.name: _key(one, hints[one.name]) for one in dataclasses.fields(block)}
        _known[block] = known
    return known


_known: dict[type, Mapping[str, Key]] = {}


def _key(one: dataclasses.Field[Any], annotation: Any) -> Key:
    bare, attr = split(annotation)
    if one.default_factory is not dataclasses.MISSING:
        return Key(one.name, bare, attr, required=False, default=one.default_factory())
    required = one.default is dataclasses.MISSING
    return Key(one.name, bare, attr, required=required, default=None if required else one.default)


def split(annotation: Any) -> tuple[Any, Attr]:
    """The type and what stands beside it."""
    if get_origin(annotation) is not Annotated:
        return annotation, Attr()
    bare, *beside = get_args(annotation)
    return bare, next((one for one in beside if isinstance(one, Attr)), Attr())


def as_plain(value: Any) -> Any:
    """A block as plain JSON with every default filled in; sets are sorted, so equal blocks look equal."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: as_plain(getattr(value, name)) for name in keys_of(type(value))}
    if isinstance(value, Mapping):
        return {str(key): as_plain(member) for key, member in value.items()}
    if isinstance(value, frozenset):
        return sorted((as_plain(item) for item in value), key=str)
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    return value
