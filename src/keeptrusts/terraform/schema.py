"""
A frozen dataclass is a schema, a state and a page of the reference at once.

`active: Annotated[bool, Attr("Whether it is called.")] = True`: the annotation gives Terraform's type, the default what
absence means. A field with neither `required` nor `computed` is optional.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from keeptrusts.terraform.plugin.values import UNKNOWN

S = TypeVar("S")
Values: TypeAlias = dict[str, Any]
"""Attribute -> its value: plain Python, None for null, UNKNOWN; sets are frozensets, lists are tuples."""

SINGLE, LIST = 1, 2
_COLLECTIONS: Mapping[type, str] = {dict: "map", frozenset: "set", tuple: "list"}
_PLAIN: Mapping[type, str] = {str: "string", bool: "bool", int: "number", float: "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attr:
    """
    What the annotation says besides the type.

    Args:
        computed: The control plane sets it. With `optional`, the user may too.
        write_only: Never in plan or state; Terraform 1.11 or later.
        follows: The attributes whose change may change this computed one; None: any.
        by_plan: The resource's own `plan` says what it will be.
        replaces: A change of it makes a new object in place of the old one.
        same: Whether two values mean the same; then the older text stays and there is no difference.
        check: What is wrong with a known value, as a sentence; None: nothing.
    """

    about: str
    required: bool = False
    optional: bool = False
    computed: bool = False
    sensitive: bool = False
    write_only: bool = False
    follows: tuple[str, ...] | None = None
    by_plan: bool = False
    replaces: bool = False
    same: Callable[[Any, Any], bool] | None = None
    check: Callable[[Any], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    A field, resolved.

    Args:
        kind: `string`, `number`, `bool`, `map`, `set`, `list`, or `object` and `objects` (a list of them).
        inner: The dataclass of an object.
        default: What a plan puts where the configuration says nothing; None: nothing.
    """

    name: str
    attr: Attr
    kind: str
    inner: type | None
    default: Any
    has_default: bool
    choices: tuple[str, ...]

    @property
    def optional(self) -> bool:
        return not self.attr.required and (self.attr.optional or not self.attr.computed)

    @property
    def computed(self) -> bool:
        """As Terraform sees it: a default is something that the provider computes."""
        return self.attr.computed or self.default is not None

    @property
    def type_json(self) -> bytes:
        """The type as cty writes it."""
        if self.kind in ("map", "set", "list"):
            return f'["{self.kind}","string"]'.encode()
        return f'"{self.kind}"'.encode()

    def same(self, older: Any, newer: Any) -> bool:
        """Whether they mean the same. An empty text, map or set says as much as none."""
        if known(older) and known(newer):
            if older == newer or (_empty(older) and _empty(newer)):
                return True
            if self.attr.same is not None and older is not None and newer is not None:
                return self.attr.same(older, newer)
        return False


def _empty(value: Any) -> bool:
    return value is None or (not isinstance(value, bool | int | float) and not value)


_resolved: dict[type, Mapping[str, Attribute]] = {}


def attributes_of(state: type) -> Mapping[str, Attribute]:
    """The attributes of a state class, in its order."""
    found = _resolved.get(state)
    if found is None:
        assert is_dataclass(state)
        names = vars(sys.modules[state.__module__])
        # `get_type_hints` does just this, and first makes Python's classes of syntax trees, which takes a millisecond
        hints = {one.name: eval(str(one.type), names) for one in fields(state)}  # noqa: S307 - our own annotations
        found = {one.name: _attribute(one.name, hints[one.name], one.default) for one in fields(state)}
        _resolved[state] = found
    return found


def _attribute(name: str, hint: Any, default: Any) -> Attribute:
    assert get_origin(hint) is Annotated, f"`{name}` has no `Attr`"
    inner, attr = get_args(hint)[:2]
    kind, held, choices = _kind(_without_none(inner))
    wanted = None if default is MISSING or attr.computed or attr.required else default
    return Attribute(name, attr, kind, held, wanted, default is not MISSING, choices)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    return hint


def _kind(hint: Any) -> tuple[str, type | None, tuple[str, ...]]:
    origin, held = get_origin(hint), (get_args(hint) or (None,))[0]
    if origin is Literal:
        return "string", None, get_args(hint)
    if origin is tuple and isinstance(held, type) and is_dataclass(held):
        return "objects", held, ()
    if isinstance(hint, type) and is_dataclass(hint):
        return "object", hint, ()
    return _COLLECTIONS[origin] if origin else _PLAIN[hint], None, ()


def about(state: type) -> str:
    """The docstring of a state class, on one line."""
    return " ".join((state.__doc__ or "").split())


def known(value: Any) -> bool:
    """Whether no part of it is unknown."""
    if value is None or isinstance(value, str):  # nearly always, and the checks below take time
        return True
    if isinstance(value, Mapping):
        return all(known(item) for item in value.values())
    if isinstance(value, tuple | frozenset | list):
        return all(known(item) for item in value)
    return value is not UNKNOWN


def load(state: type, raw: Mapping[str, Any] | None) -> Values | None:
    """What Terraform sent, with our types."""
    if raw is None:
        return None
    loaded = {name: raw.get(name) for name in attributes_of(state)}
    for attribute in _converted(state):
        loaded[attribute.name] = _load(attribute, loaded[attribute.name])
    return loaded


@cache
def _converted(state: type) -> tuple[Attribute, ...]:
    """The attributes whose values are not as Terraform sends them."""
    every = attributes_of(state).values()
    return tuple(one for one in every if one.inner is not None or one.kind in _CONVERSIONS)


@cache
def sensitive(state: type) -> tuple[str, ...]:
    """The names of what must not be seen."""
    return tuple(name for name, one in attributes_of(state).items() if one.attr.sensitive)


def is_whole(state: type, raw: Mapping[str, Any]) -> bool:
    """Whether it has just the attributes of this schema, in its blocks too."""
    attributes = attributes_of(state)
    return raw.keys() == attributes.keys() and all(
        _is_whole_inner(one.inner, raw[one.name]) for one in _converted(state) if one.inner is not None
    )


def _is_whole_inner(state: type, held: Any) -> bool:
    return held is None or all(is_whole(state, one) for one in (held if isinstance(held, list) else (held,)))


def _load(attribute: Attribute, raw: Any) -> Any:
    if raw is None or raw is UNKNOWN:
        return raw
    if attribute.inner is not None:
        inner = attribute.inner
        return load(inner, raw) if attribute.kind == "object" else tuple(load(inner, item) for item in raw)
    convert = _CONVERSIONS.get(attribute.kind)
    return convert(raw) if convert else raw


def _number(raw: Any) -> int | float:
    """Large ones come as text."""
    try:
        return int(raw) if isinstance(raw, int | str) else _whole(float(raw))
    except ValueError:
        return float(raw)


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"set": frozenset, "list": tuple, "number": _number}


def dump(state: type, values: Values | None) -> dict[str, Any] | None:
    """The opposite of `load`."""
    if values is None:
        return None
    return {name: _dump(attribute, values.get(name)) for name, attribute in attributes_of(state).items()}


def _dump(attribute: Attribute, value: Any) -> Any:
    if value is None or value is UNKNOWN:
        return value
    if attribute.kind == "set":
        # an unknown member makes the order meaningless, and no order is needed
        return sorted(value) if known(value) else list(value)
    if attribute.kind == "object":
        assert attribute.inner is not None
        return dump(attribute.inner, value)
    if attribute.kind == "objects":
        assert attribute.inner is not None
        return [dump(attribute.inner, item) for item in value]
    return value


def make(state: type[S], values: Values) -> S:
    """An instance; what is unknown or absent has the class's default, or is null."""
    given: Values = {}
    for name, attribute in attributes_of(state).items():
        value = values.get(name)
        if value is UNKNOWN or value is None:
            if attribute.has_default:
                continue
            value = None
        elif attribute.kind == "object" and attribute.inner is not None:
            value = make(attribute.inner, value)
        given[name] = value
    return state(**given)


def take(state: object) -> Values:
    """The values of an instance."""
    found: Values = {}
    for name, attribute in attributes_of(type(state)).items():
        value = getattr(state, name)
        if attribute.kind == "object" and value is not None:
            value = take(value)
        elif attribute.kind == "objects" and value is not None:
            value = tuple(take(item) for item in value)
        found[name] = value
    return found


def describe(state: type, version: int = 0) -> dict[str, Any]:
    """The schema as the protocol writes it."""
    block: dict[str, Any] = {"attributes": [], "block_types": [], "description": about(state)}
    for attribute in attributes_of(state).values():
        if attribute.kind == "object":
            assert attribute.inner is not None
            inner = {"attributes": _described(attribute.inner), "description": attribute.attr.about}
            block["block_types"].append({"type_name": attribute.name, "block": inner, "nesting": SINGLE})
        else:
            block["attributes"].append(_describe(attribute))
    return {"version": version, "block": block}


def _described(state: type) -> list[dict[str, Any]]:
    return [_describe(attribute) for attribute in attributes_of(state).values()]


def _describe(attribute: Attribute) -> dict[str, Any]:
    attr = attribute.attr
    described: dict[str, Any] = {
        "name": attribute.name,
        "description": attr.about,
        "required": attr.required,
        "optional": attribute.optional,
        "computed": attribute.computed,
        "sensitive": attr.sensitive,
        "write_only": attr.write_only,
    }
    if attribute.kind == "objects":
        assert attribute.inner is not None
        described["nested_type"] = {"attributes": _described(attribute.inner), "nesting": LIST}
    else:
        described["type"] = attribute.type_json
    return described
