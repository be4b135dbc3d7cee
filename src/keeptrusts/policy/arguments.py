"""
JSON Schema of the arguments of a tool: the part of draft 2020-12 that needs nothing but the schema and the value.

A keyword that is not checked is refused when the document is read, since a schema that is half enforced enforces
nothing. Patterns are RE2's, and a value is looked at once for each place in the schema, so time is bounded by the two
sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from keeptrusts.policy.checks import linear, states
from keeptrusts.policy.fitting import Judging, is_number
from keeptrusts.policy.formats import FORMATS
from keeptrusts.policy.reading import not_enforced, suggest
from keeptrusts.policy.schema import Fault

Keys: TypeAlias = tuple[str | int, ...]
TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
_ONE: Final = frozenset({"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"})
_MANY: Final = frozenset({"prefixItems", "allOf", "anyOf", "oneOf"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_COUNTS: Final = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties"}
)
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_OTHERS: Final = frozenset(
    {"type", "enum", "const", "pattern", "format", "uniqueItems", "required", "dependentRequired"}
)
_NOTES: Final = frozenset(
    {"$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
KEYWORDS: Final = tuple(sorted(_ONE | _MANY | _NAMED | _COUNTS | _NUMBERS | _OTHERS | _NOTES | {"$ref"}))
_NOT_CHECKED: Final = frozenset(
    {"$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary", "contentEncoding", "contentMediaType"}
    | {"contentSchema", "dependentSchemas", "dependencies", "unevaluatedItems", "unevaluatedProperties"}
    | {"additionalItems", "nullable"}
)
_MOST_DEPTH: Final = 64


class ArgumentSchema:
    """One schema. `accepts` may be asked when `faults` has none."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the schema, by the keys that lead there."""
        wrong = list(self._faults(self._root, (), 0))
        yield from wrong
        done: set[int] = set()
        if not wrong and any(self._circles(one, frozenset(), done) for one in _every(self._root)):
            yield Fault(
                "E006", (), "the schema refers to itself without going deeper into the value", "remove a `$ref`"
            )

    def accepts(self, value: Any) -> bool:
        """Whether the value is valid."""
        return Judging(self._find).valid(self._root, value)

    def _faults(self, schema: Any, keys: Keys, depth: int) -> Iterator[Fault]:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, Mapping):
            yield Fault("E003", keys, "a schema must be a mapping, or true or false")
            return
        if depth > _MOST_DEPTH:
            yield Fault("E003", keys, f"the schema is nested deeper than {_MOST_DEPTH}")
            return
        for name, given in schema.items():
            yield from self._keyword_faults(name, given, (*keys, name), depth)

    def _keyword_faults(self, name: str, given: Any, keys: Keys, depth: int) -> Iterator[Fault]:
        if name in _NOT_CHECKED:
            yield Fault("E009", keys, *not_enforced(name))
        elif name not in KEYWORDS:
            yield Fault("E002", keys, f"unknown keyword `{name[:60]}`", suggest(name, KEYWORDS, "keywords"))
        elif name in _ONE:
            yield from self._faults(given, keys, depth + 1)
        elif name in _MANY:
            yield from self._list_faults(given, keys, depth)
        elif name in _NAMED:
            yield from self._named_faults(name, given, keys, depth)
        else:
            yield from self._value_faults(name, given, keys)

    def _value_faults(self, name: str, given: Any, keys: Keys) -> Iterator[Fault]:
        if name == "$ref":
            if not isinstance(given, str) or self._find(given) is None:
                yield Fault("E006", keys, "`$ref` leads nowhere in this schema", "write it like `#/$defs/name`")
        elif not _CHECKS.get(name, _any)(given):
            yield Fault("E003", keys, f"`{name}` cannot have this value")
        elif name == "pattern" and (fault := linear(given)):
            yield Fault(fault.code, keys, fault.message, fault.suggestion)
        elif name == "format" and given not in FORMATS:
            yield Fault("E009", keys, *not_enforced(f"format: {given[:60]}", suggest(given, FORMATS, "formats")))

    def _list_faults(self, given: Any, keys: Keys, depth: int) -> Iterator[Fault]:
        if not isinstance(given, Sequence) or isinstance(given, str) or not given:
            yield Fault("E003", keys, f"`{keys[-1]}` must be a list of schemas")
            return
        for index, one in enumerate(given):
            yield from self._faults(one, (*keys, index), depth + 1)

    def _named_faults(self, name: str, given: Any, keys: Keys, depth: int) -> Iterator[Fault]:
        if not isinstance(given, Mapping):
            yield Fault("E003", keys, f"`{name}` must be a mapping of schemas")
            return
        for key, one in given.items():
            fault = linear(key) if name == "patternProperties" else None
            if fault:
                yield Fault(fault.code, (*keys, key), fault.message, fault.suggestion)
            yield from self._faults(one, (*keys, key), depth + 1)

    def _find(self, reference: str) -> Any:
        """What `#` or `#/a/b` stands for; None when it is nothing (RFC 6901)."""
        if reference == "#":
            return self._root
        if not reference.startswith("#/"):
            return None
        found = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif (
                isinstance(found, Sequence)
                and not isinstance(found, str)
                and name.isdecimal()
                and int(name) < len(found)
            ):
                found = found[int(name)]
            else:
                return None
        return found if isinstance(found, Mapping | bool) else None

    def _circles(self, schema: Any, above: frozenset[int], done: set[int]) -> bool:
        """Whether this schema is asked again about the same value before any other."""
        if not isinstance(schema, Mapping) or id(schema) in done:
            return False
        if id(schema) in above:
            return True
        beside = [schema.get(name) for name in ("not", "if", "then", "else")]
        beside += [one for name in ("allOf", "anyOf", "oneOf") for one in _listed(schema.get(name))]
        if isinstance(reference := schema.get("$ref"), str):
            beside.append(self._find(reference))
        found = any(self._circles(one, above | {id(schema)}, done) for one in beside)
        done.add(id(schema))
        return found


def patterns_weight(schema: Any) -> int:
    """About how large the automata of all patterns of a schema are together."""
    inside = [one for one in _every(schema) if isinstance(one, Mapping)]
    given = [one.get("pattern") for one in inside]
    given += [key for one in inside if isinstance(named := one.get("patternProperties"), Mapping) for key in named]
    return sum(states(one) for one in given if isinstance(one, str))


def _every(schema: Any) -> Iterator[Any]:
    """This schema and those inside it."""
    yield schema
    if isinstance(schema, Mapping):
        inside = [schema.get(name) for name in _ONE]
        inside += [one for name in _MANY for one in _listed(schema.get(name))]
        inside += [one for name in _NAMED for one in _members(schema.get(name))]
        for one in inside:
            yield from _every(one)


def _is_count(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def _is_names(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str) and all(isinstance(one, str) for one in given)


def _any(_: Any) -> bool:
    return True


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []


def _members(given: Any) -> Iterable[Any]:
    return given.values() if isinstance(given, Mapping) else ()


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(_COUNTS, _is_count),
    **dict.fromkeys(_NUMBERS, is_number),
    "multipleOf": lambda given: is_number(given) and given > 0,
    "type": lambda given: given in TYPES or (bool(_listed(given)) and all(one in TYPES for one in given)),
    "enum": lambda given: bool(_listed(given)),
    "pattern": lambda given: isinstance(given, str),
    "format": lambda given: isinstance(given, str),
    "uniqueItems": lambda given: isinstance(given, bool),
    "required": _is_names,
    "dependentRequired": lambda given: isinstance(given, Mapping) and all(map(_is_names, given.values())),
}
"""Keyword to what its value must be."""
