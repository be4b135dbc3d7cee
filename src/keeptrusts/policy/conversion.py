"""
Older shapes of the document in today's, where their meaning is clear.

What is not clear is refused, and nothing is written: a policy that was guessed enforces what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from keeptrusts.core.exchange import Phase
from keeptrusts.policy.findings import Finding, InvalidPolicyError
from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.registry import ALIASES, KINDS, load_kind
from keeptrusts.policy.schema import keys_of
from keeptrusts.policy.sections import Document
from keeptrusts.policy.shapes import older_shape
from keeptrusts.policy.source import Node, SourceError, Spot, plain, read_source

KIND_KEYS: Final = ("type", "kind", "policy", "name")
SETTINGS_KEYS: Final = ("config", "settings", "parameters", "options")
ABOUT_KEYS: Final = frozenset({"id", "name", "description", "enabled", *KIND_KEYS, *SETTINGS_KEYS})
LISTS: Final = ("policies", "input_policies", "output_policies")
_HEADER: Final = ("name", "description", "author")
_LISTENING: Final = frozenset({"listen_port", "port", "listen_host", "host", "listen_address"})


@dataclass(frozen=True, slots=True)
class Converted:
    """A document in today's shape, and what whoever wrote the old one should know."""

    text: str
    notes: tuple[str, ...]


def convert(text: str) -> Converted:
    """
    The document in today's shape; one that is in it already is given back.

    Raises:
        InvalidPolicyError: What it means is not clear, or what came out does not lint.
    """
    try:
        root, findings = read_source(text)
    except SourceError as fault:
        raise InvalidPolicyError([fault.finding]) from None
    if findings:
        raise InvalidPolicyError(findings)
    if older_shape(root) is None:
        return Converted(text, ("it is in today's shape already",))
    converter = _Converter(root)
    written = converter.document()
    if converter.findings:
        raise InvalidPolicyError(converter.findings)
    result = yaml.safe_dump(written, sort_keys=False, allow_unicode=True)
    errors = lint_document(result).errors
    if errors:
        raise InvalidPolicyError(errors)
    return Converted(result, tuple(converter.notes))


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    settings: Any
    spot: Spot
    path: str


@dataclass(slots=True)
class _Converter:
    root: Node
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def members(self) -> Mapping[str, Node]:
        assert isinstance(self.root.value, Mapping)
        return self.root.value

    def document(self) -> dict[str, Any]:
        """Pack, chain, blocks, and the sections that are as they were."""
        lists = {name: self._entries(name) for name in LISTS if self._is_listed(name)}
        self._listening()
        blocks = self._blocks(lists)
        usual = {
            name: plain(node)
            for name, node in self.members.items()
            if name in keys_of(Document) and name not in {"pack", "policies"}
        }
        self._strangers()
        self.notes.append("comments are not carried over")
        if not lists:  # only where the gateway listens was old
            rest = {name: plain(node) for name, node in self.members.items() if name in {"policies", "policy"}}
            return {"pack": self._pack()} | rest | usual
        return {"pack": self._pack(), "policies": {"chain": list(blocks)}, "policy": blocks} | usual

    def _is_listed(self, name: str) -> bool:
        """Today's `policies` is a mapping; the other two are lists, or nothing that is clear."""
        return name in self.members and not (name == "policies" and isinstance(self.members[name].value, Mapping))

    def _pack(self) -> Any:
        if "pack" in self.members:
            return plain(self.members["pack"])
        said = {name: self.members[name].value for name in _HEADER if name in self.members}
        texts = {name: value for name, value in said.items() if isinstance(value, str)}
        name = texts.pop("name", None) or "converted"
        if "version" in self.members:
            self.notes.append("`version` was that of the format; the pack begins with 1.0.0")
        return {"name": name, "version": "1.0.0", "enabled": True} | texts

    def _listening(self) -> None:
        gateway = self.members.get("gateway")
        members = gateway.value if gateway is not None and isinstance(gateway.value, Mapping) else {}
        for name in members:
            if name not in _LISTENING:
                self._unclear(f"gateway.{name}", members[name].spot, f"`gateway.{name}` has no counterpart")
        port = next((members[name].value for name in ("listen_port", "port") if name in members), None)
        if port is not None:
            self.notes.append(f"the gateway listens where it is told: `kt gateway run --listen 0.0.0.0:{port}`")

    def _strangers(self) -> None:
        known = {*keys_of(Document), *LISTS, *_HEADER, "version", "gateway"}
        if not any(self._is_listed(name) for name in LISTS):
            known |= {"policy"}
        for name, node in self.members.items():
            if name not in known:
                self._unclear(name, node.spot, f"`{name}` has no counterpart")

    def _entries(self, name: str) -> list[_Entry]:
        node = self.members[name]
        if not isinstance(node.value, tuple):
            self._unclear(name, node.spot, f"`{name}` is not a list")
            return []
        found = (self._entry(item, f"{name}[{index}]") for index, item in enumerate(node.value))
        return [entry for entry in found if entry is not None]

    def _entry(self, item: Node, path: str) -> _Entry | None:
        """One policy of a list; None for one that is switched off or not clear."""
        if isinstance(item.value, str):
            return self._of_kind(item.value, {}, item, path)
        members = item.value if isinstance(item.value, Mapping) else {}
        if len(members) == 1 and _kind(only := next(iter(members))):
            return self._of_kind(only, plain(members[only]) or {}, item, path)
        kind = next((members[key].value for key in KIND_KEYS if key in members), "")
        if not isinstance(kind, str) or _kind(kind) is None:
            hint = suggest(str(kind), KINDS, "kinds")
            self._unclear(path, item.spot, "it cannot be told which kind this policy is of", hint)
            return None
        if "enabled" in members and members["enabled"].value is False:
            self.notes.append(f"`{path}` (`{kind}`) was switched off and is left out")
            return None
        return self._of_kind(kind, self._settings(members), item, path)

    def _settings(self, members: Mapping[str, Node]) -> Any:
        """Settings under a key of their own, or beside the name."""
        own = next((members[key] for key in SETTINGS_KEYS if key in members), None)
        beside = {key: plain(node) for key, node in members.items() if key not in ABOUT_KEYS}
        settings = (plain(own) or {}) if own is not None else {}
        return settings | beside if isinstance(settings, dict) else settings

    def _of_kind(self, said: str, settings: Any, item: Node, path: str) -> _Entry | None:
        kind = _kind(said)
        if kind is None:
            self._unclear(path, item.spot, f"unknown policy kind `{said[:60]}`", suggest(said, KINDS, "kinds"))
            return None
        return _Entry(kind, settings, item.spot, path)

    def _blocks(self, lists: Mapping[str, list[_Entry]]) -> dict[str, Any]:
        blocks: dict[str, Any] = {}
        for name, entries in lists.items():
            for entry in entries:
                if blocks.setdefault(entry.kind, entry.settings) != entry.settings:
                    message = f"`{entry.kind}` is listed with two different settings, and a chain has it once"
                    self._unclear(entry.path, entry.spot, message)
            self.notes += self._both_ways(name, lists)
        return blocks

    @staticmethod
    def _both_ways(name: str, lists: Mapping[str, list[_Entry]]) -> Iterator[str]:
        """Kinds of one direction that now serve both."""
        other = {"input_policies": "output_policies", "output_policies": "input_policies"}.get(name)
        if other is None:
            return
        there = {entry.kind for entry in lists.get(other, ())}
        for entry in lists[name]:
            phases = load_kind(entry.kind).phases
            if entry.kind not in there and {Phase.INPUT, Phase.OUTPUT} <= phases:
                what = "answers" if other == "output_policies" else "requests"
                yield f"`{entry.kind}` stood in `{name}` alone; it now looks at {what} too"

    def _unclear(self, path: str, spot: Spot, message: str, suggestion: str = "") -> None:
        self.findings.append(Finding("E010", path, *spot, message, suggestion or "write it in today's shape by hand"))


def _kind(said: str) -> str | None:
    """The kind of this name, also where it is written with `_`."""
    name = said.strip().lower().replace("_", "-")
    name = ALIASES.get(name, name)
    return name if name in KINDS else None
