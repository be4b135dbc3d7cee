"""The page about troubles has every title that the provider can show, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import keeptrusts.terraform
from keeptrusts.terraform.failures import _TITLES
from keeptrusts.terraform.package import LAUNCHER
from keeptrusts.terraform.plugin.serve import BY_HAND, OLD_TERRAFORM

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "troubleshooting.md"
SOURCES = Path(keeptrusts.terraform.__path__[0])
ANY = "..."
SAYING = ("diagnostics.error", "diagnostics.warn")


def shown(node: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """The texts that an expression may be; what is put into them is `...`."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else ANY for one in parts)
        case ast.IfExp(body=first, orelse=other):
            yield from shown(first, function)
            yield from shown(other, function)
        case ast.Name(id=name):
            for one in ast.walk(function):
                if isinstance(one, ast.Assign) and any(
                    isinstance(to, ast.Name) and to.id == name for to in one.targets
                ):
                    yield from shown(one.value, function)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="title"), attr="format")):
            yield from (title.format(doing=ANY) for title, _ in _TITLES.values())
        case _:
            raise AssertionError(f"a title that is not understood: {ast.dump(node)}")


def titles() -> set[str]:
    """Of every diagnostic in the sources."""
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(SAYING) and len(call.args) > 1:
                    found |= set(shown(call.args[0], function))
    return {title.replace(f"{ANY}.{ANY}", ANY) for title in found}  # an argument inside a block


def test_every_title_has_its_section() -> None:
    """Each once, with something to do below it."""
    parts = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    headings = [part.partition("\n")[0] for part in parts]
    starting = {"This is the Keeptrusts provider for Terraform", "This Terraform does not speak plugin protocol 6",
                "the Keeptrusts provider needs Python 3.11 or later as `python3`"}  # fmt: skip
    assert sorted(headings) == sorted(titles() | starting)
    for part in parts:
        assert len(part.partition("\n")[2].partition("\n## ")[0].split()) >= 8, part
    for text in starting:
        assert any(one.lstrip().startswith(text) or f'"{text}' in one for one in (BY_HAND, OLD_TERRAFORM, LAUNCHER))
    assert len(titles()) > 25
