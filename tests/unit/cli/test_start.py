"""What an earlier start compiled: taken, kept, and done without."""

from __future__ import annotations

import builtins
import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keeptrusts.cli import start
from keeptrusts.cli.start import Methods


def another_dataclasses(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A copy of the module, so that what is bound in it concerns nobody else."""
    spec = importlib.util.spec_from_file_location("other_dataclasses", str(dataclasses.__file__))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "other_dataclasses", module)
    spec.loader.exec_module(module)
    return module


def made(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, int]:
    """An object of a class with the methods in this file, and how many texts were compiled for it."""
    module, compiled = another_dataclasses(monkeypatch), 0

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return builtins.compile(*given, **more)

    monkeypatch.setattr(start, "compile", counted, raising=False)
    methods = Methods(file)
    methods.use(module)
    found = module.make_dataclass("Point", [("x", int), ("y", int, 3)], frozen=True)(1)
    methods.keep()
    return found, compiled


def test_the_second_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The objects are the same, and no draft is left behind."""
    file = tmp_path / "m.methods"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (first, compiled), (second, again) = made(file, monkeypatch), made(file, monkeypatch)
    assert compiled > 0
    assert again == 0
    assert repr(first) == repr(second) == "Point(x=1, y=3)"
    for one in (first, second):
        assert type(one).__init__.__annotations__["x"] is int, "what reads annotations finds types"
    with pytest.raises(AttributeError):
        second.x = 2
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"{", b"\xdb", b"N", b"i\x01\x00\x00\x00"])
def test_half_a_file_is_as_good_as_none(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written anew."""
    file = tmp_path / "m.methods"
    file.write_bytes(content)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert repr(made(file, monkeypatch)[0]) == "Point(x=1, y=3)"
    assert made(file, monkeypatch)[1] == 0


def test_where_nothing_can_be_written_python_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where no compiled modules are to be written, neither are these; those that are there are taken."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for folder in ("none", "file"):
        assert repr(made(tmp_path / folder / "m.methods", monkeypatch)[0]) == "Point(x=1, y=3)"
    (tmp_path / "file").unlink()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made(tmp_path / "m.methods", monkeypatch)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    made(tmp_path / "m.methods", monkeypatch)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert made(tmp_path / "m.methods", monkeypatch)[1] == 0


def test_it_lies_beside_the_compiled_modules() -> None:
    """Of this version of Python alone."""
    place = start._place()
    assert place.parent == Path(str(start.__spec__.cached)).parent
    assert sys.implementation.cache_tag in place.name


def test_too_many_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this start are kept."""
    file = tmp_path / "m.methods"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    made(file, monkeypatch)
    monkeypatch.setattr(start, "MOST", 3)
    module, methods = another_dataclasses(monkeypatch), Methods(file)
    methods.use(module)
    module.make_dataclass("Other", [("z", int)])
    methods.keep()
    known = Methods(file)
    known.use(another_dataclasses(monkeypatch))
    assert all("z" in text or "__repr__" in text for text in known._known)
