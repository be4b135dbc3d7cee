"""The house rules that a program can check, over the whole repository."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "keeptrusts"
BANNED = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base"}
MODULE_LINES = 400
FUNCTION_LINES = 40

LONG_ON_PURPOSE: dict[str, str] = {
    "tests/functional/test_exports.py": "one subject, and its parts share their fixtures",
    "tests/support/terraform_api.py:serve": "a request handler that closes over what it serves",
    "tests/support/webhooks.py:receiver": "a request handler that closes over what it serves",
}
"""Path, or path:function, that may be longer, with the reason."""


BUILT = {".git", ".venv", ".terraform", "__pycache__", "build", "dist", "node_modules"}


def tracked(*patterns: str) -> list[Path]:
    """What git knows, and what it would if it were added; in a tree without git, all but what a build leaves behind."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]
    found = (path for pattern in patterns or ("*",) for path in ROOT.rglob(pattern) if path.is_file())
    return [path for path in found if not any(part in BUILT or part.endswith("_cache") for part in path.parts)]


def modules() -> list[Path]:
    return [path for path in tracked("*.py") if "migrations/versions" not in path.as_posix()]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    """The lists below are of this repository, not of nothing."""
    assert SOURCE / "core" / "errors.py" in modules()
    assert Path(__file__) in modules()


def test_no_module_is_named_after_nothing() -> None:
    """A module is named after what it holds."""
    assert [name_of(path) for path in modules() if path.stem in BANNED or path.parent.name in BANNED] == []


def test_no_module_outgrows_its_room() -> None:
    """A module has at most 400 lines."""
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    too_long = {name: size for name, size in sizes.items() if size > MODULE_LINES and name not in LONG_ON_PURPOSE}
    assert too_long == {}


def test_no_function_outgrows_its_room() -> None:
    """A function has at most 40 lines."""
    too_long = {}
    for path in modules():
        for function in functions(path):
            size = (function.end_lineno or function.lineno) - function.lineno + 1
            name = f"{name_of(path)}:{function.name}"
            if size > FUNCTION_LINES and name not in LONG_ON_PURPOSE:
                too_long[name] = size
    assert too_long == {}


def test_every_exception_is_still_one() -> None:
    """What is excused from a limit exists and says why."""
    known = {name_of(path) for path in modules()}
    assert [name for name, reason in LONG_ON_PURPOSE.items() if name.partition(":")[0] not in known or not reason] == []


def test_every_package_says_why_it_exists() -> None:
    """Each package of the source has a docstring."""
    packages = [path for path in modules() if path.name == "__init__.py" and SOURCE in path.parents]
    assert [
        name_of(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ] == []


def test_every_test_states_its_promise() -> None:
    """Each test has a docstring."""
    tests = [path for path in modules() if path.name.startswith("test_")]
    silent = [
        f"{name_of(path)}:{function.name}"
        for path in tests
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_two_tests_files_share_a_name() -> None:
    """Pytest imports a test file by its bare name."""
    names = [path.name for path in modules() if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_nothing_is_left_for_later() -> None:
    """What is not built is refused in words, not marked for somebody."""
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    found = [name_of(path) for path in modules() if marks.search(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("place", ["/" + "work/", "/" + "root/", "/" + "home/"])
def test_no_path_of_one_machine(place: str) -> None:
    """The repository works wherever it is cloned to."""
    text = [path for path in tracked() if path.suffix not in {".lock", ".zip", ".png", ".bin", ".npz"}]
    found = [name_of(path) for path in text if place in path.read_text(encoding="utf-8", errors="replace")]
    assert found == []


def commands(group: click.Group, context: click.Context, path: str = "kt") -> Iterator[tuple[str, click.Command]]:
    """Every command below this one, groups included, with its full name."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, click.Context(command, parent=context), f"{path} {name}")


def test_every_command_has_help() -> None:
    """`kt ... --help` says what each command and each option does."""
    from keeptrusts.cli.main import main

    assert isinstance(main, click.Group)
    found = dict(commands(main, click.Context(main)))
    silent = [name for name, command in found.items() if not command.help]
    dumb = [
        f"{name} {option.opts[0]}"
        for name, command in found.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert "kt policy lint" in found
    assert (silent, dumb) == ([], [])
