"""Values as Terraform's language writes them (HCL native syntax), formatted as `terraform fmt` would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


class Expression(str):
    """A text that is to stand as it is: a reference or a call."""

    __slots__ = ()


def written(value: Any, indent: int = 0) -> str:
    """A text, number, truth, list or mapping."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, str):
        # JSON's escapes are HCL's; what would begin a template is doubled
        return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Mapping):
        lines = attributes(((_key(name), held) for name, held in value.items()), indent + 2)
        return "{\n" + "".join(f"{line}\n" for line in lines) + " " * indent + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(held, indent) for held in value) + "]"
    return json.dumps(value)


def attributes(pairs: Iterable[tuple[str, Any]], indent: int) -> list[str]:
    """Lines `name = value`; the signs of neighbours stand below each other, and a value of several lines ends that."""
    lines: list[str] = []
    together: list[tuple[str, str]] = []
    for name, value in pairs:
        text = written(value, indent)
        if "\n" in text:
            lines += [*_aligned(together, indent), f"{' ' * indent}{name} = {text}"]
            together = []
        else:
            together.append((name, text))
    return lines + _aligned(together, indent)


def block(head: str, pairs: Iterable[tuple[str, Any]], *more: str) -> str:
    """
    A block of attributes.

    Args:
        more: Whole blocks inside it, each already indented.
    """
    lines = attributes(pairs, 2)
    for inner in more:
        lines += ["", inner]
    return head + " {\n" + "\n".join(lines) + "\n}\n"


def _aligned(pairs: list[tuple[str, str]], indent: int) -> list[str]:
    broad = max((len(name) for name, _ in pairs), default=0)
    return [f"{' ' * indent}{name.ljust(broad)} = {text}" for name, text in pairs]


def _key(name: str) -> str:
    plain = name.replace("-", "_").isidentifier() and name.isascii()
    return name if plain else written(name)
