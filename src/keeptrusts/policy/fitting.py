"""Whether a JSON value keeps the keywords of a schema (JSON Schema, draft 2020-12, core 10 and validation 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from keeptrusts.policy.formats import FORMATS

_CLASSES: Final = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Judging:
    """One value under one schema; what was said of a place in both is not asked twice."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self._find = find
        self._said: dict[tuple[int, int], bool] = {}

    def valid(self, schema: Any, value: Any) -> bool:
        if isinstance(schema, bool):
            return schema
        key = id(schema), id(value)
        if key not in self._said:
            self._said[key] = all(_fits(name, given, value) for name, given in schema.items()) and all(
                look(self, schema, value) for look in (Judging._composed, Judging._array, Judging._object)
            )
        return self._said[key]

    def _composed(self, schema: Mapping[str, Any], value: Any) -> bool:
        every = list(schema.get("allOf", ()))
        if "$ref" in schema:
            every.append(self._find(schema["$ref"]))
        if not all(self.valid(one, value) for one in every):
            return False
        if "anyOf" in schema and not any(self.valid(one, value) for one in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.valid(one, value) for one in schema["oneOf"]) != 1:
            return False
        if "not" in schema and self.valid(schema["not"], value):
            return False
        return "if" not in schema or self.valid(
            schema.get("then" if self.valid(schema["if"], value) else "else", True), value
        )

    def _array(self, schema: Mapping[str, Any], value: Any) -> bool:
        if not isinstance(value, list):
            return True
        first = schema.get("prefixItems", ())
        if not all(self.valid(one, item) for one, item in zip(first, value, strict=False)):
            return False
        if not all(self.valid(schema.get("items", True), item) for item in value[len(first) :]):
            return False
        if "contains" not in schema:
            return True
        count = sum(self.valid(schema["contains"], item) for item in value)
        return bool(schema.get("minContains", 1) <= count <= schema.get("maxContains", count))

    def _object(self, schema: Mapping[str, Any], value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(
            self.valid(schema.get("propertyNames", True), name)
            and all(self.valid(one, member) for one in _schemas_of(schema, name))
            for name, member in value.items()
        )


def _schemas_of(schema: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The schemas of a member: by its name, by patterns of it, else the one of all others."""
    known = False
    if name in schema.get("properties", ()):
        known = True
        yield schema["properties"][name]
    for pattern, one in schema.get("patternProperties", {}).items():
        if _matches(pattern, name):
            known = True
            yield one
    if not known:
        yield schema.get("additionalProperties", True)


def _fits(name: str, given: Any, value: Any) -> bool:
    """Whether a value keeps a keyword that says something of it alone."""
    rule = _RULES.get(name)
    return rule is None or rule(given, value)


def _matches(pattern: str, text: str) -> bool:
    from keeptrusts.detect.engine import compile_regex

    data = text.encode("utf-8", "replace")
    return compile_regex(pattern).search(data, 0, len(data)) is not None


def is_of(kind: str, value: Any) -> bool:
    """Whether a value is of a JSON type; a number without a fraction is an integer."""
    if kind in {"integer", "number"}:
        return is_number(value) and (kind == "number" or bool(value % 1 == 0))
    return isinstance(value, _CLASSES[kind])


def same(one: Any, other: Any) -> bool:
    """Equality of JSON: 1 and 1.0 are one number, 1 and true are not one value."""
    return bool(frozen(one) == frozen(other))


def frozen(value: Any) -> Any:
    """The value in a form that can be compared and hashed."""
    if isinstance(value, Mapping):
        return "object", frozenset((name, frozen(member)) for name, member in value.items())
    if isinstance(value, list | tuple):
        return ("array", *map(frozen, value))
    return (type(value).__name__ if isinstance(value, bool | str | None) else "number", value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_multiple(given: float, value: float) -> bool:
    return bool(Decimal(repr(value)) % Decimal(repr(given)) == 0)


def _for_text(check: Callable[[Any, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda given, value: not isinstance(value, str) or check(given, value)


def _for_number(check: Callable[[Any, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda given, value: not is_number(value) or check(given, value)


def _for_list(check: Callable[[Any, list[Any]], bool]) -> Callable[[Any, Any], bool]:
    return lambda given, value: not isinstance(value, list) or check(given, value)


def _for_mapping(check: Callable[[Any, dict[str, Any]], bool]) -> Callable[[Any, Any], bool]:
    return lambda given, value: not isinstance(value, dict) or check(given, value)


_RULES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "type": lambda given, value: any(is_of(one, value) for one in ([given] if isinstance(given, str) else given)),
    "enum": lambda given, value: any(same(one, value) for one in given),
    "const": same,
    "minimum": _for_number(lambda given, value: value >= given),
    "maximum": _for_number(lambda given, value: value <= given),
    "exclusiveMinimum": _for_number(lambda given, value: value > given),
    "exclusiveMaximum": _for_number(lambda given, value: value < given),
    "multipleOf": _for_number(_is_multiple),
    "minLength": _for_text(lambda given, value: len(value) >= given),
    "maxLength": _for_text(lambda given, value: len(value) <= given),
    "pattern": _for_text(_matches),
    "format": _for_text(lambda given, value: FORMATS[given](value)),
    "minItems": _for_list(lambda given, value: len(value) >= given),
    "maxItems": _for_list(lambda given, value: len(value) <= given),
    "uniqueItems": _for_list(lambda given, value: not given or len(set(map(frozen, value))) == len(value)),
    "minProperties": _for_mapping(lambda given, value: len(value) >= given),
    "maxProperties": _for_mapping(lambda given, value: len(value) <= given),
    "required": _for_mapping(lambda given, value: set(given) <= set(value)),
    "dependentRequired": _for_mapping(
        lambda given, value: all(set(needed) <= set(value) for name, needed in given.items() if name in value)
    ),
}
"""Keyword to whether a value keeps it."""
