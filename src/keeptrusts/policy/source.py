"""
YAML text into nodes that know their line and column.

Own composition from PyYAML's events, because the loaders forget places, let a later duplicate key win, and expand
aliases without a bound. The values are those of the safe loader but for three: dates and base-60 numbers
(`2024-01-01`, `12:30`) stay text, and a key is always the text that was written (`on:` is `on`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from keeptrusts.policy.findings import Finding

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 40
MAX_NODES: Final = 100_000
MAX_INTEGER: Final = 2**53 - 1

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | tuple[Node, ...] | Mapping[str, Node]"
Spot: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_constructor = yaml.constructor.SafeConstructor()
_resolver = yaml.resolver.Resolver()


@dataclass(frozen=True, slots=True)
class Node:
    """
    One value of the document.

    Args:
        spot: Where the value begins.
        keys: Of a mapping, where each key stands.
    """

    value: Value
    spot: Spot
    keys: Mapping[str, Spot] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """What it is, in the words of messages."""
        match self.value:
            case None:
                return "empty"
            case bool():
                return "true or false"
            case int() | float():
                return "a number"
            case str():
                return "text"
            case tuple():
                return "a list"
            case _:
                return "a mapping"


class SourceError(Exception):
    """The text is not a document that can be read at all."""

    def __init__(self, message: str, spot: Spot = (1, 1), suggestion: str = "", *, code: str = "E000") -> None:
        super().__init__(message)
        self.finding = Finding(code, "", *spot, message, suggestion)


def decode_document(data: bytes) -> str:
    """The text of a file; a byte order mark is dropped. Raises `SourceError` when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        head = data[: fault.start]
        line, column = head.count(b"\n") + 1, fault.start - (head.rfind(b"\n") + 1) + 1
        raise SourceError("the file is not UTF-8", (line, column), "save it as UTF-8") from None


def read_source(text: str) -> tuple[Node, list[Finding]]:
    """
    The document's root, and a finding for each duplicate key (the first one counts).

    Raises:
        SourceError: Not YAML, not one document, too large, too deep, or an alias bomb.
    """
    composer = _Composer()
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise SourceError("the text holds half of a surrogate pair", suggestion="save it as UTF-8") from None
    if size > MAX_BYTES:
        raise SourceError(f"the document has more than {MAX_BYTES} bytes")
    text = text.removeprefix("\ufeff")
    try:
        root = composer.document(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as fault:
        raise _source_error(fault, text) from None
    if root is None:
        raise SourceError("the document is empty", suggestion="a document begins with `pack:` and `policies:`")
    return root, composer.findings


def plain(node: Node) -> object:
    """The node as plain JSON values."""
    match node.value:
        case tuple() as items:
            return [plain(item) for item in items]
        case Mapping() as members:
            return {key: plain(member) for key, member in members.items()}
        case scalar:
            return scalar


class _Composer:
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._anchors: dict[str, Node] = {}
        self._sizes: dict[int, int] = {}
        self._count = 0

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        root = None
        for event in events:
            match event:
                case yaml.DocumentStartEvent() if root is not None:
                    raise SourceError("the file holds more than one document", _spot(event), "keep one, without `---`")
                case yaml.StreamStartEvent() | yaml.StreamEndEvent() | yaml.DocumentStartEvent():
                    pass
                case yaml.DocumentEndEvent():
                    pass
                case _:
                    root = self._node(event, events, 0, "")
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int, path: str) -> Node:
        spot = _spot(event)
        if depth > MAX_DEPTH:
            raise SourceError(f"nested deeper than {MAX_DEPTH} levels", spot)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, spot)
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS and tag not in {None, "!"}:
            raise SourceError(f"the tag `{tag.removeprefix(_TAG)}` is not allowed", spot, "leave it out")
        before = self._count
        match event:
            case yaml.ScalarEvent():
                node = Node(_scalar(event, spot), spot)
            case yaml.SequenceStartEvent():
                node = self._sequence(events, spot, depth, path)
            case _:
                node = self._mapping(events, spot, depth, path)
        self._add(1, spot)
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor:
            self._anchors[anchor] = node
            self._sizes[id(node)] = self._count - before
        return node

    def _add(self, nodes: int, spot: Spot) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise SourceError(f"the document unfolds to more than {MAX_NODES} values", spot, "use fewer aliases")

    def _alias(self, event: yaml.AliasEvent, spot: Spot) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            from keeptrusts.policy.reading import suggest

            hint = suggest(str(event.anchor), self._anchors, "anchors") if self._anchors else ""
            raise SourceError(f"the alias `{str(event.anchor)[:60]}` has no anchor before it", spot, hint)
        self._add(self._sizes[id(node)], spot)
        return node

    def _sequence(self, events: Iterator[yaml.Event], spot: Spot, depth: int, path: str) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, depth + 1, f"{path}[{len(items)}]"))
        return Node(tuple(items), spot)

    def _mapping(self, events: Iterator[yaml.Event], spot: Spot, depth: int, path: str) -> Node:
        members: dict[str, Node] = {}
        keys: dict[str, Spot] = {}
        merged: list[Node] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise SourceError("a key must be plain text", _spot(event))
            key, place = event.value, _spot(event)
            inner = f"{path}.{key}" if path else key
            value = self._node(next(events), events, depth + 1, inner)
            if key == "<<" and event.implicit[0]:
                merged += value.value if isinstance(value.value, tuple) else (value,)
            elif key in members:
                message = f"`{key}` is given twice; it stands on line {keys[key][0]} already"
                self.findings.append(Finding("E005", inner, *place, message, "remove one of the two"))
            else:
                members[key], keys[key] = value, place
        for other in merged:
            _merge(other, members, keys)
        return Node(members, spot, keys)


def _merge(other: Node, members: dict[str, Node], keys: dict[str, Spot]) -> None:
    if not isinstance(other.value, Mapping):
        raise SourceError("`<<` takes a mapping", other.spot, "write `<<: *anchor` of a mapping")
    for key, value in other.value.items():
        if key not in members:
            members[key], keys[key] = value, other.keys[key]


def _scalar(event: yaml.ScalarEvent, spot: Spot) -> Scalar:
    tag = event.tag
    if tag not in _PLAIN_TAGS:
        tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    name = str(tag).removeprefix(_TAG)
    node = yaml.ScalarNode(tag, event.value)
    try:
        value: Scalar
        match name:
            case "int" | "float" if ":" in event.value:
                value = event.value
            case "int":
                value = _constructor.construct_yaml_int(node)
            case "float":
                value = _constructor.construct_yaml_float(node)
            case "bool":
                value = _constructor.construct_yaml_bool(node)
            case "null":
                return None
            case _:
                value = event.value
    except (ValueError, KeyError):
        raise SourceError(f"`{event.value[:40]}` is not what its tag says", spot) from None
    return _checked(value, spot)


def _checked(value: str | float, spot: Spot) -> Scalar:
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise SourceError("the text holds half of a surrogate pair", spot)
    elif not math.isfinite(value) or (isinstance(value, int) and abs(value) > MAX_INTEGER):
        raise SourceError("the number is too large", spot, "quote it if it is meant as text")
    return value


def _spot(event: yaml.Event) -> Spot:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _source_error(fault: yaml.YAMLError, text: str) -> SourceError:
    if isinstance(fault, yaml.reader.ReaderError):
        head = text[: fault.position] if isinstance(fault.position, int) else ""
        spot = head.count("\n") + 1, len(head) - (head.rfind("\n") + 1) + 1
        return SourceError("a control character that YAML does not allow", spot, "remove it or escape it")
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    spot = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = str(getattr(fault, "problem", None) or "it cannot be parsed").lower()
    lines = text.splitlines()
    line = lines[spot[0] - 1] if spot[0] <= len(lines) else ""
    if "\t" in line[: spot[1]]:
        return SourceError("a tab stands where YAML wants blanks", spot, "indent with blanks")
    return SourceError(f"not YAML: {problem}", spot, "check the indentation, quotes and brackets of this line")
