"""The reference pages of the kinds, made from their declarations."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin

from keeptrusts.core.exchange import Phase
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reading import Reader
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.policy.schema import Attr, Block, as_plain, keys_of, split
from keeptrusts.policy.source import read_source

_PHASES: Final = {
    Phase.ROUTE: "chooses among the targets",
    Phase.INPUT: "reads the request",
    Phase.TOOL: "reads tool definitions, calls and their arguments",
    Phase.OUTPUT: "reads the answer",
}
_MAPPINGS: Final = {Mapping, dict}
_WORDS: Final = {bool: "true or false", int: "whole number", float: "number", str: "text", object: "anything"}


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """One kind in one line."""

    kind: str
    phases: tuple[str, ...]
    summary: str


def summaries() -> list[Summary]:
    """Every kind, in the order of the registry."""
    loaded = [load_kind(kind) for kind in KINDS]
    return [Summary(one.kind, tuple(phase for phase in Phase if phase in one.phases), _first(one)) for one in loaded]


def _first(policy: type[Policy]) -> str:
    return " ".join((inspect.getdoc(policy) or "").partition("\n\n")[0].split())


def page(kind: str) -> str:
    """The page of a kind, as Markdown."""
    policy = load_kind(kind)
    phases = "\n".join(f"- `{phase}`: {_PHASES[phase]}" for phase in Phase if phase in policy.phases)
    parts = [
        f"# {kind}",
        (inspect.getdoc(policy) or "").strip(),
        f"## Phases\n\n{phases}",
        f"## Keys\n\n{_table(policy)}",
        f"## In a stream\n\n{_stream(policy)}",
        f"## Example\n\n{_example(kind, policy)}",
    ]
    later = sorted(policy.pending)
    if later:
        names = ", ".join(f"`{name}`" for name in later)
        parts.insert(4, f"Refused by this version, since it does not enforce them: {names}.")
    return "\n\n".join(parts) + "\n"


def example_block(policy: type[Policy]) -> Policy:
    """The block of the kind's page."""
    root, findings = read_source(inspect.cleandoc(policy.example) or "{}")
    block = Reader(findings).block(policy, root, "")
    assert block is not None
    return block


def _stream(policy: type[Policy]) -> str:
    if Phase.OUTPUT not in policy.phases:
        return "It does not read the text of answers."
    block = example_block(policy)
    width = block.holdback()
    if width is None:
        return "It needs the whole answer, so streams are buffered."
    if width == 0:
        return "It reads no text of answers and holds nothing back."
    return f"With the block below it judges on the fly, {width} characters behind; other settings need other widths."


def _table(block: type[Block]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    rows += (f"| `{path}` | {kind} | {default} | {text} |" for path, kind, default, text in _rows(block, ""))
    return "\n".join(rows)


def _rows(block: type[Block], prefix: str) -> Iterable[tuple[str, str, str, str]]:
    for key in keys_of(block).values():
        path = f"{prefix}{key.name}"
        nested = _nested(key.annotation)
        default = "required" if key.required else _shown(key.default)
        if nested is None:
            yield path, _type(key.annotation, key.attr), default, key.attr.description
            continue
        suffix, inner = nested
        if suffix or not key.attr.description:
            yield path, _type(key.annotation, key.attr), default, key.attr.description
        yield from _rows(inner, f"{path}{suffix}.")
        later = sorted(inner.pending)
        if later:
            yield f"{path}{suffix}." + ", ".join(later), "", "", "Refused: not enforced by this version."


def _nested(annotation: Any) -> tuple[str, type[Block]] | None:
    """The block inside a type, and how its path goes on."""
    bare = split(annotation)[0]
    if isinstance(bare, type) and issubclass(bare, Block):
        return "", bare
    origin = get_origin(bare)
    mark = "[]" if origin in {tuple, frozenset} else ".<name>" if origin in _MAPPINGS else ""
    for inner in get_args(bare):
        found = _nested(inner)
        if found:
            return mark + found[0], found[1]
    return None


def _type(annotation: Any, attr: Attr) -> str:
    bare, origin = annotation, get_origin(annotation)
    if origin in {Union, types.UnionType}:
        inner = [split(one) for one in get_args(bare) if one is not type(None)]
        return " or ".join(_type(one, own if own != Attr() else attr) for one, own in inner)
    if origin is Literal:
        return ", ".join(f"`{one}`".lower() if isinstance(one, bool) else f"`{one}`" for one in get_args(bare))
    if origin in {tuple, frozenset}:
        return "list of " + _type(*split(get_args(bare)[0]))
    if origin is not None:
        return "mapping of " + _type(*split(get_args(bare)[1]))
    return _WORDS.get(bare, "block") + _bounds(attr)


def _bounds(attr: Attr) -> str:
    low, high = attr.minimum, attr.maximum
    if low is not None and high is not None:
        return f", {low:.12g}-{high:.12g}"
    if low is not None:
        return f", from {low:.12g}"
    return f", to {high:.12g}" if high is not None else ""


def _shown(default: Any) -> str:
    plain = as_plain(default)
    match plain:
        case None | [] | {} | "":
            return "none"
        case bool():
            return f"`{str(plain).lower()}`"
        case list():
            return ", ".join(f"`{item}`" for item in plain)
        case dict():
            return "see below"
        case _:
            return f"`{plain}`"


def _example(kind: str, policy: type[Policy]) -> str:
    body = inspect.cleandoc(policy.example) if policy.example else "{}"
    block = (
        f"  {kind}: {{}}" if body == "{}" else f"  {kind}:\n" + "\n".join(f"    {line}" for line in body.splitlines())
    )
    text = f"policies:\n  chain: [{kind}]\npolicy:\n{block}"
    return f"```yaml\n{text}\n```"
