"""
Every string of a document, but for metadata of a known shape (law 3: unknown is text).

A new field of a provider's API is a text until somebody writes down here what it looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Document, Part, Place, Role, Text, ToolCall
from keeptrusts.wire.strict_json import INNER, KEY, MARKS, NotJsonError, parse_json

Shape: TypeAlias = Callable[[Any], bool]
"""Whether a value of a known field is what it should be, and so cannot carry content."""

LONG_NUMBER: Final = 10**8
"""A number from here on may be a card or an account: it is a text where content is free."""

_NAME_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-")
_TOKEN_LETTERS: Final = _NAME_LETTERS - frozenset(".:/@+")
_SEALED_LETTERS: Final = _TOKEN_LETTERS | frozenset("+/=")
# Words of JSON Schema (2020-12): as keys of a tool's definition they are no content.
SCHEMA_WORDS: Final = frozenset(
    [
        "type",
        "properties",
        "required",
        "description",
        "title",
        "enum",
        "const",
        "items",
        "default",
        "examples",
        "format",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
        "prefixItems",
        "contains",
        "minProperties",
        "maxProperties",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "$schema",
        "$id",
        "definitions",
        "strict",
        "nullable",
        "deprecated",
        "readOnly",
        "writeOnly",
    ]
)
_TYPES: Final = frozenset(["object", "array", "string", "number", "integer", "boolean", "null", "function"])


def is_model_name(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 200 and _NAME_LETTERS.issuperset(value))


def is_token(value: Any) -> bool:
    """An identifier as providers mint them, or the name of a function."""
    return value is None or (isinstance(value, str) and len(value) <= 64 and _TOKEN_LETTERS.issuperset(value))


def is_opaque(value: Any) -> bool:
    """
    What a provider sealed for itself: base64 of any length.

    It says nothing to a reader, and the provider takes back only what it sealed itself.
    """
    return value is None or (isinstance(value, str) and _SEALED_LETTERS.issuperset(value))


def is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def is_type(value: Any) -> bool:
    return isinstance(value, str) and value in _TYPES


def one_of(*words: str) -> Shape:
    """A field with a closed list of values."""
    known = frozenset(words)

    def is_known(value: Any) -> bool:
        return value is None or isinstance(value, bool) or (isinstance(value, str) and value in known)

    return is_known


class TextCollector:
    """
    Gathers texts and tool calls. `role` and `choice` are those of the message being read.

    A place is extended step by step from the root, so that each text can be put back.
    """

    def __init__(self, role: Role = Role.USER) -> None:
        self.texts: list[Text] = []
        self.calls: list[ToolCall] = []
        self.documents: list[Document] = []
        self.role = role
        self.choice = 0
        self.takes_documents = False
        """Whether what is attached is collected; otherwise it is refused."""

    def add(self, value: str, place: Place, part: Part) -> None:
        if value:
            self.texts.append(Text(place, value, self.role, part, self.choice))

    def walk(self, value: Any, place: Place, part: Part, words: frozenset[str] = frozenset()) -> None:
        """
        Everything in a value of unknown shape: strings, keys and long numbers.

        Args:
            words: Keys that are no content here.
        """
        match value:
            case str():
                self.add(value, place, part)
            case dict():
                self._walk_members(value, place, part, words)
            case list():
                for index, item in enumerate(value):
                    self.walk(item, (*place, index), part, words)
            case int() | float() if abs(value) >= LONG_NUMBER:
                self.add(str(value), place, part)

    def _walk_members(self, value: Mapping[str, Any], place: Place, part: Part, words: frozenset[str]) -> None:
        for name, member in value.items():
            if name not in words:
                self.key(name, (*place, name), part)
            if not (name == "type" and words and is_type(member)):
                self.walk(member, (*place, name), part, words)

    def key(self, name: str, place: Place, part: Part) -> None:
        """The name of a member, as a text at its own place."""
        if name in MARKS:
            raise UnreadableError(f"a key `{name}` is reserved: rename it")
        self.add(name, (*place, KEY), part)

    def members(self, value: Mapping[str, Any], place: Place, known: Mapping[str, Shape]) -> None:
        """An object whose known fields have known shapes; a field that is unknown or misshapen is text."""
        for name, member in value.items():
            shape = known.get(name)
            if shape is None:
                self.key(name, (*place, name), Part.OTHER)
            if shape is None or not shape(member):
                self.walk(member, (*place, name), Part.OTHER)

    def call(self, function: Any, place: Place, identifier: Any, *, key: str = "arguments") -> None:
        """`{name, arguments}`, where arguments are JSON inside a string. `key`: what stands there for `arguments`."""
        if not isinstance(function, dict):
            raise UnreadableError("a tool call without its function: send `name` and `arguments`")
        name = function.get("name", "")
        if not isinstance(name, str):
            raise UnreadableError("the name of a called tool is not text")
        if not is_token(name):
            self.add(name, (*place, "name"), Part.TOOL_CALL)
        arguments = self._arguments(function.get(key), (*place, key))
        self.calls.append(ToolCall(name, arguments, place, str(identifier or ""), self.choice))
        others = {other: member for other, member in function.items() if other not in {"name", key}}
        self.members(others, place, {})

    def _arguments(self, given: Any, place: Place) -> Any:
        if not isinstance(given, str):
            self.walk(given, place, Part.TOOL_CALL)
            return given
        if not given.strip():
            return {}  # as tools without parameters are called
        try:
            arguments = parse_json(given.encode())
        except NotJsonError:
            self.add(given, place, Part.TOOL_CALL)
            return None
        self.walk(arguments, (*place, INNER), Part.TOOL_CALL)
        return arguments
