"""The JSON Schema (2020-12) of the policy document, made from its declarations: for editors."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Final, Literal, Union, get_args, get_origin

from keeptrusts.policy.cases import Testing
from keeptrusts.policy.registry import ALIASES, KINDS, load_kind
from keeptrusts.policy.schema import Attr, Block, Key, as_plain, keys_of, split
from keeptrusts.policy.sections import Document, Pack
from keeptrusts.policy.shapes import SINGLE

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_BOUNDS: Final = {str: ("minLength", "maxLength"), int: ("minimum", "maximum"), float: ("minimum", "maximum")}

Schema = dict[str, Any]


def document_schema() -> Schema:
    """
    The schema of every document that lints, in both shapes.

    What needs more than a schema (patterns, references, what must hold between keys) only lint sees.
    """
    maker = _Maker()
    usual = maker.document()
    single = [maker.single(kind, sections) for kind, sections in SINGLE.items()]
    return {
        "$schema": DIALECT,
        "title": "Keeptrusts policy document",
        "if": {"anyOf": [{"required": ["pack"]}, {"required": ["policies"]}]},
        "then": usual,
        "else": {"anyOf": single},
        "$defs": maker.definitions,
    }


class _Maker:
    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def document(self) -> Schema:
        """The usual shape: the sections, and under `policy` the kinds."""
        schema = self._object(Document)
        schema["type"] = "object"
        schema["properties"]["policies"] = self._policies()
        schema["properties"]["testing"] = self._block(Testing)
        schema["properties"]["policy"] = {
            "description": "The settings of each kind.",
            "type": ["object", "null"],
            "properties": {name: self._block(load_kind(ALIASES.get(name, name))) for name in (*KINDS, *ALIASES)},
            "additionalProperties": False,
        }
        return schema

    def single(self, kind: str, sections: frozenset[str]) -> Schema:
        """The document of one kind: its header under `policy`, its settings beside it."""
        pending = load_kind(kind).pending
        own = {name: one for name, one in self._properties(load_kind(kind)).items() if name in sections - pending}
        rest = {name: one for name, one in self._properties(Document).items() if name not in {"pack", "policies"}}
        properties = {"policy": self._block(Pack), **own, **rest}
        return {"type": "object", "properties": properties, "required": ["policy"], "additionalProperties": False}

    def _policies(self) -> Schema:
        """With the names of the kinds in the chain."""
        policies = keys_of(Document)["policies"].annotation
        schema = self._object(policies)
        schema["properties"]["chain"] |= {"items": {"enum": [*KINDS, *ALIASES]}, "uniqueItems": True}
        return schema

    def _block(self, block: type[Block]) -> Schema:
        name = f"{block.__module__.rpartition('.')[2]}.{block.__name__}"
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._object(block)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, block: type[Block]) -> Schema:
        """A block may be left empty: then its keys have their defaults, or are missing."""
        schema: Schema = {"type": ["object", "null"], "properties": self._properties(block)}
        required = [key.name for key in keys_of(block).values() if key.required]
        if required:
            schema |= {"type": "object", "required": required}
        return schema | {"additionalProperties": False}

    def _properties(self, block: type[Block]) -> dict[str, Schema]:
        return {key.name: self._property(key) for key in keys_of(block).values()}

    def _property(self, key: Key) -> Schema:
        schema = self._value(key.annotation, key.attr)
        if key.attr.description:
            schema = {"description": key.attr.description} | schema
        default = None if key.required else as_plain(key.default)
        return schema if default is None else schema | {"default": default}

    def _value(self, annotation: Any, attr: Attr) -> Schema:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin in {Union, types.UnionType}:
            return self._union(inner, attr)
        if origin is Literal:
            return {"enum": list(inner)}
        if origin in {tuple, frozenset}:
            return {"type": "array", "items": self._value(*split(inner[0]))} | _bounds(attr, "minItems", "maxItems")
        if origin is not None:
            return {"type": ["object", "null"], "additionalProperties": self._value(*split(inner[1]))}
        if dataclasses.is_dataclass(annotation):
            return self._block(annotation)  # type: ignore[arg-type]
        return {} if annotation is object else _scalar(annotation, attr)

    def _union(self, options: tuple[Any, ...], attr: Attr) -> Schema:
        schemas = []
        for one in options:
            bare, own = split(one)
            schemas.append(
                {"type": "null"} if bare is type(None) else self._value(bare, own if own != Attr() else attr)
            )
        return {"anyOf": schemas}


def _scalar(kind: type, attr: Attr) -> Schema:
    scalar: Schema = {"type": _SCALARS[kind]}
    return scalar if kind is bool else scalar | _bounds(attr, *_BOUNDS[kind])


def _bounds(attr: Attr, least: str, most: str) -> Schema:
    named = {least: attr.minimum, most: attr.maximum}
    return {name: bound for name, bound in named.items() if bound is not None}
