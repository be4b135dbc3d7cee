"""How the provider's process comes to its feet: what is ready before it is, and what it does without."""

from __future__ import annotations

import dataclasses
import marshal
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from keeptrusts.terraform.main import (
    METHODS_FILE,
    SCHEMA,
    SCHEMA_FILE,
    SERVICE,
    Loading,
    read_schema,
    use_compiled_methods,
)

OTHER = SERVICE + "ConfigureProvider"


def test_a_call_waits_until_the_provider_is_there() -> None:
    """The schema is answered at once when it is at hand; any other call when the import is done."""
    go_on = Event()

    def load() -> Callable[[str, bytes], bytes]:
        assert go_on.wait(20)
        return lambda path, body: path.encode() + body

    loading = Loading(load, b"schema")
    assert loading(SCHEMA, b"") == b"schema"
    go_on.set()
    assert loading(OTHER, b"!") == OTHER.encode() + b"!"


def test_without_a_schema_at_hand_the_provider_makes_it() -> None:
    """In a source tree there is none."""
    assert Loading(lambda: lambda path, _body: path.encode())(SCHEMA, b"") == SCHEMA.encode()


def test_a_provider_that_does_not_load_fails_in_the_call() -> None:
    """There the failure is reported; in a thread of its own nobody would see it."""

    def load() -> Callable[[str, bytes], bytes]:
        raise ImportError("odd")

    loading = Loading(load)
    for _ in range(2):
        with pytest.raises(ImportError, match="odd"):
            loading(OTHER, b"")


def test_the_schema_is_read_from_beside_the_module(tmp_path: Path) -> None:
    """None where nobody has packaged it."""
    assert read_schema(str(tmp_path)) is None
    (tmp_path / SCHEMA_FILE).write_bytes(b"x")
    assert read_schema(str(tmp_path)) == b"x"


def make() -> type:
    """A dataclass that is made now."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2

    return Point


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources of what makes a `Point`; what `dataclasses` runs with is put back afterwards."""
    texts: list[str] = []

    def record(text: str, *names: dict[str, object]) -> None:
        texts.append(text)
        exec(text, *names)

    monkeypatch.setattr(dataclasses, "exec", record, raising=False)
    make()
    return texts


def test_methods_that_were_compiled_before_are_used(tmp_path: Path, compiled: list[str]) -> None:
    """A class made of them is like any other; and it really is them that are used."""
    marked = {text: marshal.dumps(compile(text, "<before>", "exec")) for text in compiled}
    (tmp_path / METHODS_FILE).write_bytes(marshal.dumps(marked))
    use_compiled_methods(str(tmp_path))
    point = make()
    assert point.__init__.__code__.co_filename == "<before>"  # type: ignore[misc]
    assert (point(1), point(1, 3)) == (point(1, 2), point(1, y=3))
    assert repr(point(1)).endswith("Point(x=1, y=2)")
    assert hash(point(1)) == hash(point(1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        point(1).x = 2


@pytest.mark.parametrize("content", [None, b"", b"x", marshal.dumps({}), marshal.dumps({"def other(): pass": b""})])
def test_without_them_the_text_is_compiled(tmp_path: Path, compiled: list[str], content: bytes | None) -> None:
    """No file, half a file, or one that does not know this class: it is only slower."""
    if content is not None:
        (tmp_path / METHODS_FILE).write_bytes(content)
    use_compiled_methods(str(tmp_path))
    point = make()
    assert point(1) == point(1, 2)
    assert compiled
