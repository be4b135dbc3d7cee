"""Nodes into declared blocks. Everything wrong becomes a finding with its place; reading goes on after it."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

from keeptrusts.core.version import VERSION
from keeptrusts.policy.findings import Finding, Severity, severity_of
from keeptrusts.policy.schema import Attr, Block, Key, keys_of, split
from keeptrusts.policy.source import Node, Spot, plain

B = TypeVar("B", bound=Block)


class _Bad:
    """Stands for a value that could not be read; its finding is written already."""


BAD: Final = _Bad()
MAX_FINDINGS: Final = 1000
MOST_STATES: Final = 1_000_000
"""Of the automata of all patterns of a document: they take seconds to compile."""
_RULES: Final = frozenset({"more", "fewer", "only", "among"})
_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Reader:
    """
    Collects findings while blocks are read.

    Args:
        tolerated: Codes of checks inside blocks that are let pass.
    """

    def __init__(self, findings: Iterable[Finding] = (), tolerated: frozenset[str] = frozenset()) -> None:
        self.findings = list(findings)[:MAX_FINDINGS]
        self.left_out = 0
        self.tolerated = tolerated
        self.room = MOST_STATES

    def fault(
        self, code: str, path: str, spot: Spot, message: str, suggestion: str = "", *, severity: Severity = "error"
    ) -> None:
        """Write one finding. Behind the first thousand they are only counted."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(code, path, *spot, message, suggestion, severity))
        elif severity == "error":
            self.left_out += 1

    def hint(self, word: str, valid: Iterable[str], noun: str = "keys") -> str:
        """As `suggest`, which takes its time, while findings are still written."""
        return suggest(word, valid, noun) if len(self.findings) < MAX_FINDINGS else ""

    def block(self, declared: type[B], node: Node, path: str) -> B | None:
        """A block of this class; None when anything in it is wrong. An empty value is an empty block."""
        members = members_of(node)
        if members is None:
            self.fault("E003", path, node.spot, f"{_name(path)} must be a mapping, but it is {node.noun}")
            return None
        keys = keys_of(declared)
        sound = self._known(declared, node, members, path)
        values: dict[str, Any] = {}
        for key in keys.values():
            value = self._member(key, node, members.get(key.name), path)
            sound = sound and value is not BAD
            values[key.name] = value
        if not sound:
            return None
        block = declared(**values)
        return block if self._consistent(block, node, path) else None

    def _known(self, declared: type[Block], node: Node, members: Mapping[str, Node], path: str) -> bool:
        keys = keys_of(declared)
        unknown = [name for name in members if name not in keys]
        for name in unknown:
            if name in declared.pending:
                self.fault("E009", join(path, name), node.keys[name], *not_enforced(name))
            else:
                self.fault("E002", join(path, name), node.keys[name], f"unknown key `{name}`", self.hint(name, keys))
        return not unknown

    def _member(self, key: Key, node: Node, member: Node | None, path: str) -> Any:
        where = join(path, key.name)
        if member is not None and not (member.value is None and not key.required and _emptiable(key)):
            return self.value(key.annotation, key.attr, member, where)
        if key.required:
            self.fault("E004", where, node.spot, f"`{key.name}` is missing", f"add `{key.name}:`")
            return BAD
        return key.default

    def _consistent(self, block: Block, node: Node, path: str) -> bool:
        sound = True
        for fault in block.faults():
            if fault.code in self.tolerated:
                continue
            where, spot = locate(node, fault.keys)
            severity = severity_of(fault.code)
            self.fault(fault.code, join_all(path, where), spot, fault.message, fault.suggestion, severity=severity)
            sound = sound and severity == "warning"
        return sound

    def value(self, annotation: Any, attr: Attr, node: Node, path: str) -> Any:
        """A value of this type, or `BAD`."""
        origin = get_origin(annotation)
        if annotation is object:
            whole = plain(node)
            return whole if attr.weigh is None or self._has_room(attr.weigh(whole), node, path) else BAD
        if origin in {Union, types.UnionType}:
            return self._union(get_args(annotation), attr, node, path)
        if origin is not None:
            return self._compound(annotation, attr, node, path)
        if dataclasses.is_dataclass(annotation):
            block = self.block(cast("type[Block]", annotation), node, path)
            return BAD if block is None else block
        return self._scalar(annotation, attr, node, path)

    def _compound(self, annotation: Any, attr: Attr, node: Node, path: str) -> Any:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Literal:
            return self._choice(inner, node, path)
        if origin in {tuple, frozenset}:
            return self._items(annotation, attr, node, path)
        return self._mapping(inner[1], node, path)

    def _union(self, options: tuple[Any, ...], attr: Attr, node: Node, path: str) -> Any:
        if node.value is None and type(None) in options:
            return None
        options = tuple(one for one in options if one is not type(None))
        blocks = [one for one in options if dataclasses.is_dataclass(split(one)[0])]
        others = [one for one in options if one not in blocks]
        wanted = blocks if blocks and (isinstance(node.value, Mapping) or not others) else others
        bare, inner = split(wanted[0])
        return self.value(bare, inner if inner != Attr() else attr, node, path)

    def _choice(self, choices: tuple[Any, ...], node: Node, path: str) -> Any:
        if node.value is False and "off" in choices:
            return "off"  # what YAML 1.1 makes of it without quotes
        if node.value in choices and type(node.value) in {type(one) for one in choices}:
            return node.value
        shown = f"`{_spelt(node.value)}`" if isinstance(node.value, str | bool) else node.noun
        names = [_spelt(one) for one in choices]
        self.fault(
            "E003", path, node.spot, f"{_name(path)} cannot be {shown}", self.hint(str(node.value), names, "values")
        )
        return BAD

    def _items(self, annotation: Any, attr: Attr, node: Node, path: str) -> Any:
        if not isinstance(node.value, tuple):
            self.fault("E003", path, node.spot, f"{_name(path)} must be a list, but it is {node.noun}")
            return BAD
        bare, inner = split(get_args(annotation)[0])
        if attr.stronger in _RULES:
            self._repeated(node, path)
        items = [self.value(bare, inner, item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        if any(item is BAD for item in items) or not self._bounded(len(items), "items", attr, node, path):
            return BAD
        return frozenset(items) if get_origin(annotation) is frozenset else tuple(items)

    def _repeated(self, node: Node, path: str) -> None:
        assert isinstance(node.value, tuple)
        seen: dict[object, int] = {}
        for index, item in enumerate(node.value):
            if not isinstance(item.value, str):
                continue
            if item.value in seen:
                message = f"it stands in {_name(path)} twice, as item {seen[item.value]} already"
                self.fault("W003", f"{path}[{index}]", item.spot, message, "remove one of the two", severity="warning")
            seen.setdefault(item.value, index)

    def _mapping(self, annotation: Any, node: Node, path: str) -> Any:
        members = members_of(node)
        if members is None:
            self.fault("E003", path, node.spot, f"{_name(path)} must be a mapping, but it is {node.noun}")
            return BAD
        bare, inner = split(annotation)
        values = {name: self.value(bare, inner, member, join(path, name)) for name, member in members.items()}
        return BAD if any(value is BAD for value in values.values()) else values

    def _scalar(self, wanted: type, attr: Attr, node: Node, path: str) -> Any:
        value = node.value
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not wanted:
            quote = f'quote it: `"{value}"`' if wanted is str and isinstance(value, bool | int | float) else ""
            message = f"{_name(path)} must be {_NOUNS[wanted]}, but it is {node.noun}"
            self.fault("E003", path, node.spot, message, quote)
            return BAD
        if isinstance(value, str):
            return value if self._text(value, attr, node, path) else BAD
        amount = cast("float", value)
        return value if isinstance(value, bool) or self._bounded(amount, "", attr, node, path) else BAD

    def _text(self, value: str, attr: Attr, node: Node, path: str) -> bool:
        if not self._bounded(len(value), "characters", attr, node, path):
            return False
        if attr.weigh and not self._has_room(attr.weigh(value), node, path):
            return False
        fault = attr.check(value) if attr.check else None
        if fault is None or fault.code in self.tolerated:
            return True
        self.fault(fault.code, path, node.spot, fault.message, fault.suggestion)
        return False

    def _has_room(self, size: int, node: Node, path: str) -> bool:
        """A document's patterns are compiled wherever it is read: all of them together have a bound."""
        self.room -= size
        if self.room < 0:
            hint = "shorten the repetitions, or put words into lists of terms"
            self.fault("E007", path, node.spot, "the patterns of the document are too large together", hint)
        return self.room >= 0

    def _bounded(self, amount: float, unit: str, attr: Attr, node: Node, path: str) -> bool:
        verb = "must have" if unit else "must be"
        tail = f" {unit}, but it has {amount}" if unit else f", but it is {amount}"
        if attr.minimum is not None and amount < attr.minimum:
            self.fault("E003", path, node.spot, f"{_name(path)} {verb} at least {attr.minimum}{tail}")
            return False
        if attr.maximum is not None and amount > attr.maximum:
            self.fault("E003", path, node.spot, f"{_name(path)} {verb} at most {attr.maximum}{tail}")
            return False
        return True


def not_enforced(name: str, suggestion: str = "") -> tuple[str, str]:
    """Message and suggestion for a part of the vocabulary that this version refuses."""
    message = f"`{name}` is not enforced by this version of keeptrusts ({VERSION})"
    return message, suggestion or "remove it; what cannot be enforced is refused, not ignored"


def suggest(word: str, valid: Iterable[str], noun: str = "keys") -> str:
    """`did you mean` when one is close, else what there is."""
    from difflib import get_close_matches

    names = list(valid)
    close = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    close = close or [name for name in names if len(word) > 2 and name.startswith(word.lower())][:1]
    if close:
        return f"did you mean `{close[0]}`?"
    return f"valid {noun}: " + ", ".join(f"`{name}`" for name in names)


def members_of(node: Node) -> Mapping[str, Node] | None:
    """The members of a mapping; none for an empty value; None for anything else."""
    if node.value is None:
        return {}
    return node.value if isinstance(node.value, Mapping) else None


def locate(node: Node, keys: tuple[str | int, ...]) -> tuple[str, Spot]:
    """Dotted path and place of `keys` below this node: as deep as the document goes."""
    path, spot = "", node.spot
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else join(path, key)
        value = node.value
        if isinstance(value, Mapping) and key in value:
            node, spot = value[str(key)], node.keys[str(key)]
        elif isinstance(value, tuple) and isinstance(key, int) and key < len(value):
            node = value[key]
            spot = node.spot
    return path, spot


def join(path: str, key: str) -> str:
    """`a.b` + `c`."""
    return f"{path}.{key}" if path else key


def join_all(path: str, rest: str) -> str:
    """`a.b` + `c[0]` or `[0]`."""
    return path + rest if not rest or rest.startswith("[") or not path else f"{path}.{rest}"


def _spelt(value: object) -> str:
    """As YAML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(path: str) -> str:
    return f"`{path.rpartition('.')[2]}`" if path else "the document"


def _emptiable(key: Key) -> bool:
    """A key without a value (`streaming:`) means its default, but for lists of choices that fail closed."""
    bare = key.annotation
    return dataclasses.is_dataclass(bare) or get_origin(bare) in {Union, types.UnionType}
