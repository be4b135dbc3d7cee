"""JSON Schema of arguments, against the reference implementation, and what it refuses to read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from keeptrusts.policy.arguments import ArgumentSchema

NAMES = st.sampled_from(["a", "b", "ab", "x-1"])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([0.5, 1.0, 2.5, -1.5, 10**20]),
        st.sampled_from(["", "a", "ab", "abc", "12"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
COUNT = st.integers(0, 3)
NUMBER = st.sampled_from([-1, 0, 1, 2, 0.5, 2.5])
TYPE = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
PLAIN = {
    "type": st.one_of(TYPE, st.lists(TYPE, min_size=1, max_size=2, unique=True)),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": NUMBER,
    "maximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "exclusiveMaximum": NUMBER,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": COUNT,
    "maxLength": COUNT,
    "pattern": st.sampled_from(["^a", "b$", "[0-9]", ""]),
    "minItems": COUNT,
    "maxItems": COUNT,
    "uniqueItems": st.booleans(),
    "minProperties": COUNT,
    "maxProperties": COUNT,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=1), max_size=1),
}


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            **PLAIN,
            "items": inner,
            "prefixItems": some,
            "contains": inner,
            "minContains": COUNT,
            "maxContains": COUNT,
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": inner,
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


SCHEMAS = st.recursive(st.one_of(st.booleans(), st.fixed_dictionaries({}, optional=PLAIN)), composed, max_leaves=4)


@given(SCHEMAS, VALUES)
def test_it_says_what_the_reference_says(schema: Any, value: Any) -> None:
    """Of every keyword that it takes, alone and together."""
    mine = ArgumentSchema(schema)
    assert list(mine.faults()) == []
    assert mine.accepts(value) == Draft202012Validator(schema).is_valid(value)


TREE = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["value"]}},
}


@pytest.mark.parametrize(
    ("value", "fits"), [({"value": 1, "next": {"value": 2}}, True), ({"value": 1, "next": {}}, False), (3, False)]
)
def test_a_schema_may_refer_to_itself(value: Any, fits: bool) -> None:
    """As deep as the value goes."""
    schema = ArgumentSchema(TREE)
    assert list(schema.faults()) == []
    assert schema.accepts(value) is fits


def test_time_does_not_double_with_each_level() -> None:
    """Two branches that look at the same value look at it once."""
    branch = {"properties": {"next": {"$ref": "#"}}}
    value: dict[str, Any] = {}
    for _ in range(40):
        value = {"next": value}
    assert ArgumentSchema({"allOf": [branch, branch], "anyOf": [branch, branch]}).accepts(value)


@pytest.mark.parametrize(
    ("schema", "code", "keys"),
    [
        (3, "E003", ()),
        ({"type": "strin"}, "E003", ("type",)),
        ({"type": [["string"]]}, "E003", ("type",)),
        ({"type": {"string": 1}}, "E003", ("type",)),
        ({"requird": ["a"]}, "E002", ("requird",)),
        ({"properties": {"a": {"minimum": "1"}}}, "E003", ("properties", "a", "minimum")),
        ({"properties": []}, "E003", ("properties",)),
        ({"anyOf": []}, "E003", ("anyOf",)),
        ({"anyOf": [True, 1]}, "E003", ("anyOf", 1)),
        ({"pattern": "(?=a)"}, "E007", ("pattern",)),
        ({"patternProperties": {"(a": {}}}, "E007", ("patternProperties", "(a")),
        ({"format": "hostname"}, "E009", ("format",)),
        ({"unevaluatedProperties": False}, "E009", ("unevaluatedProperties",)),
        ({"$ref": "#/$defs/none"}, "E006", ("$ref",)),
        ({"$ref": "https://example.com/s.json"}, "E006", ("$ref",)),
        ({"$ref": "#"}, "E006", ()),
        ({"properties": {"a": {"allOf": [{"$ref": "#/properties/a"}]}}}, "E006", ()),
    ],
)
def test_what_cannot_be_checked_is_refused(schema: Any, code: str, keys: tuple[str | int, ...]) -> None:
    """By code and place, before anything is enforced."""
    assert [(one.code, one.keys) for one in ArgumentSchema(schema).faults()] == [(code, keys)]


def test_a_schema_has_a_depth() -> None:
    """One that is nested without end is refused, not read."""
    schema: Any = True
    for _ in range(70):
        schema = {"items": schema}
    assert [one.code for one in ArgumentSchema(schema).faults()] == ["E003"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2026-02-28", "2026-02-30"),
        ("date", "2026-01-01", "20260101"),
        ("date-time", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00"),
        ("date-time", "2026-01-31T10:00:00.5+01:00", "yesterday"),
        ("email", "ada@example.com", "ada@"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "2001:db8::g"),
        ("uri", "https://example.com/a", "example com"),
        ("uri", "mailto:ada@example.com", "//[x"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
    ],
)
def test_formats(name: str, good: str, bad: str) -> None:
    """What is named is checked; what is no text is not its business."""
    schema = ArgumentSchema({"format": name})
    assert (schema.accepts(good), schema.accepts(bad), schema.accepts(7)) == (True, False, True)
