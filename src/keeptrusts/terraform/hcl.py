"""Values as Terraform's language writes them (HCL native syntax), formatted as `terraform fmt` would."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TEMPLATES: Final = re.compile(r"[$%]\{")
_KEYWORDS: Final = frozenset({"for", "null", "true", "false"})


class Expression(str):
    """A text that is to stand as it is: a reference or a call."""

    __slots__ = ()


def written(value: Any, indent: int = 0) -> str:
    """A text, number, truth, list or mapping."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, str):
        return f'"{_TEMPLATES.sub(_no_template, "".join(map(_sign, value)))}"'
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
    broad = max((_columns(name) for name, _ in pairs), default=0)
    return [f"{' ' * indent}{name}{' ' * (broad - _columns(name))} = {text}" for name, text in pairs]


def _columns(name: str) -> int:
    """As `terraform fmt` counts: an accent stands above its letter."""
    return sum(not unicodedata.combining(sign) for sign in name)


def _key(name: str) -> str:
    plain = (
        not name.startswith("-") and name.replace("-", "_").isidentifier() and name.isascii() and name not in _KEYWORDS
    )
    return name if plain else written(name)


def _sign(sign: str) -> str:
    """What nobody sees is written by its number, so that a review shows it."""
    if sign in _ESCAPED or sign.isprintable():
        return _ESCAPED.get(sign, sign)
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"


def _no_template(begins: re.Match[str]) -> str:
    """Doubled, as HCL has it; behind another such sign that would be read otherwise, so there it is a number."""
    sign = begins[0][0]
    behind = begins.string[begins.start() - 1 : begins.start()] in ("$", "%")
    return f"\\u{ord(sign):04x}{{" if behind else f"{sign}{sign}{{"
