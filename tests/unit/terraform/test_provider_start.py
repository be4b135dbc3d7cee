"""How the provider's process comes to its feet: what is ready before it is, and what it does without."""

from __future__ import annotations

import dataclasses
import importlib
import marshal
import os
import re
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from keeptrusts.terraform import bundle
from keeptrusts.terraform.main import (
    LAST_RUN_FILE,
    READY,
    SCHEMA,
    SERVICE,
    VALIDATIONS,
    Loading,
    read_ready,
    starts_before,
)
from keeptrusts.terraform.prepared import FILE, RECORDER, packed, use_patterns, use_prepared
from keeptrusts.terraform.provider import VALIDATED
from keeptrusts.terraform.sound import as_remembered

OTHER = SERVICE + "ConfigureProvider"


class Echo:
    """A provider that answers with what it was asked."""

    def handle(self, path: str, body: bytes) -> bytes:
        return path.encode() + body

    def prompt(self, _path: str, _body: bytes) -> bytes | None:
        return b"at once"


def test_a_call_waits_until_the_provider_is_there() -> None:
    """The schema is answered at once when it is at hand; any other call when the import is done."""
    go_on = Event()

    def load() -> Echo:
        assert go_on.wait(20)
        return Echo()

    loading = Loading(load, {SCHEMA: b"schema"})
    assert loading(SCHEMA, b"") == b"schema"
    go_on.set()
    assert loading(OTHER, b"!") == OTHER.encode() + b"!"


def test_whoever_is_asked_for_the_schema_alone_loads_nothing() -> None:
    """The first process of a command ends after it; a call that comes all the same has its answer, and one provider."""
    go_on, loaded = Event(), []

    def load() -> Echo:
        loaded.append(1)
        return Echo()

    def prepare() -> None:
        assert go_on.wait(20)

    loading = Loading(load, {SCHEMA: b"schema"}, prepare)
    assert loading(SCHEMA, b"") == b"schema"
    go_on.set()
    assert [loading(OTHER, b"a"), loading(OTHER, b"b")] == [OTHER.encode() + b"a", OTHER.encode() + b"b"]
    assert loaded == [1]


def test_a_process_that_is_not_to_load_early_loads_when_it_has_to() -> None:
    """It has the schema at hand all the same, and prepares before it loads."""
    done: list[str] = []

    def load() -> Echo:
        done.append("load")
        return Echo()

    loading = Loading(load, {SCHEMA: b"schema"}, lambda: done.append("prepare"), early=False)
    assert loading(SCHEMA, b"") == b"schema"
    assert (done, loading.prompt(OTHER, b"!")) == ([], None)
    assert loading(OTHER, b"!") == OTHER.encode() + b"!"
    assert (done, loading.prompt(OTHER, b"!")) == (["prepare", "load"], b"at once")


def test_what_was_validated_before_needs_no_provider() -> None:
    """The same request is answered with nothing to be told; another one, and any other call, loads the provider."""
    loaded = []

    def load() -> Echo:
        loaded.append(1)
        return Echo()

    path = SERVICE + "ValidateResourceConfig"
    known = {as_remembered(path, b"a"), as_remembered(OTHER, b"a")}
    loading = Loading(load, {SCHEMA: b"schema"}, sound=known, early=False)
    assert (loading(path, b"a"), loading.prompt(path, b"a"), loading.prompt(path, b"b"), loaded) == (b"", b"", None, [])
    assert loading(OTHER, b"a") == OTHER.encode() + b"a"
    assert loading(path, b"a") == path.encode() + b"a"
    assert loading.prompt(path, b"a") == b"at once"


def test_both_know_the_same_validations() -> None:
    """What the provider may remember is what the start looks up."""
    assert {SERVICE + name for name in VALIDATED} == VALIDATIONS


def test_how_often_a_terraform_has_started_us(tmp_path: Path) -> None:
    """By the number of the process that starts them; where there is no folder, nobody knows and all load early."""
    assert [starts_before(str(tmp_path), number) for number in (71, 71, 71, 72, 72, 71)] == [0, 1, 2, 0, 1, 0]
    assert starts_before(str(tmp_path / "none"), 71) > 1
    (tmp_path / LAST_RUN_FILE).write_text("71")
    assert starts_before(str(tmp_path), 71) > 1


def test_without_a_schema_at_hand_the_provider_makes_it() -> None:
    """In a source tree there is none."""
    assert Loading(Echo)(SCHEMA, b"") == SCHEMA.encode()


def test_a_provider_that_does_not_load_fails_in_the_call() -> None:
    """There the failure is reported; in a thread of its own nobody would see it."""

    def load() -> Echo:
        raise ImportError("odd")

    loading = Loading(load)
    for _ in range(2):
        with pytest.raises(ImportError, match="odd"):
            loading(OTHER, b"")


def test_what_is_ready_is_read_from_beside_the_module(tmp_path: Path) -> None:
    """Nothing where nobody has packaged it."""
    assert read_ready(str(tmp_path)) == {}
    (tmp_path / READY[SCHEMA]).write_bytes(b"x")
    assert read_ready(str(tmp_path)) == {SCHEMA: b"x"}


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
    (tmp_path / FILE).write_bytes(packed(marked, {}))
    use_prepared(str(tmp_path))
    point = make()
    assert point.__init__.__code__.co_filename == "<before>"  # type: ignore[misc]
    assert (point(1), point(1, 3)) == (point(1, 2), point(1, y=3))
    assert repr(point(1)).endswith("Point(x=1, y=2)")
    assert hash(point(1)) == hash(point(1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        point(1).x = 2


HALF = packed({"def other(): pass": marshal.dumps(compile("1", "x", "exec"))}, {})


@pytest.mark.parametrize("content", [None, b"", b"x", b"\x05\0\0\0Nxxxx", packed({}, {}), HALF, HALF[:20]])
def test_without_them_the_text_is_compiled(tmp_path: Path, compiled: list[str], content: bytes | None) -> None:
    """No file, half a file, or one that does not know this class: it is only slower."""
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    use_prepared(str(tmp_path))
    point = make()
    assert point(1) == point(1, 2)
    assert compiled


def recorded(*modules: str) -> tuple[list[str], dict[tuple[str, int], tuple[Any, ...]]]:
    """What a process that imports them has compiled."""
    ran = subprocess.run([sys.executable, "-IB", "-c", RECORDER, *modules], capture_output=True, check=True)
    texts, patterns = marshal.loads(ran.stdout)
    return texts, dict(patterns)


PUT_OFF = """
import sys
sys.path.insert(0, sys.argv[1])
from keeptrusts.terraform.prepared import use_prepared
use_prepared(sys.argv[2])
import dataclasses, json, typing
assert not {"enum", "copy", "weakref", "inspect"} & sys.modules.keys(), sys.modules.keys()

@dataclasses.dataclass
class Point:
    places: list[int]

point = Point([1])
assert json.loads(json.dumps({"a": 1.5})) == {"a": 1.5}
assert dataclasses.asdict(point) == {"places": [1]} and dataclasses.asdict(point)["places"] is not point.places
stand_in = sys.modules["re"]
early = stand_in.compile(r"(a)(b)")
assert early.sub(r"\\2\\1", "ab") == "ba"
import re
assert re.compile("x+(?P<n>y)", re.IGNORECASE).match("XXY")["n"] == "Y"
assert sys.modules["re"] is not stand_in and "enum" in sys.modules
assert stand_in.escape("a.b") == "a\\\\.b" and stand_in.compile("q") is re.compile("q")
assert isinstance(early, re.Pattern) and early == re.compile(r"(a)(b)") and typing.Pattern[str]
import copy
assert copy.deepcopy(early) is early
print("as ever")
"""


def test_re_and_copy_are_put_off_until_they_are_asked_for(tmp_path: Path) -> None:
    """What `dataclasses`, `json` and `typing` compile is at hand; the first other use brings the real ones."""
    texts, patterns = recorded("json", "typing")
    prepared = packed({text: marshal.dumps(compile(text, "x", "exec")) for text in texts}, patterns)
    (tmp_path / FILE).write_bytes(prepared)
    source = Path(bundle.__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-ISB", "-c", PUT_OFF, str(source), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("as ever\n", "")


def test_patterns_that_were_compiled_before_match_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pattern that our modules compile at import is found again, with its groups and flags."""
    texts, patterns = recorded("keeptrusts.policy.lint", "keeptrusts.client", "urllib3")
    assert texts
    assert len(patterns) > 20
    compiler = re._compiler  # type: ignore[attr-defined]
    fresh = {key: compiler.compile(*key) for key in patterns}
    monkeypatch.setattr(compiler, "compile", None)
    use_patterns(patterns)
    with pytest.raises(TypeError):
        compiler.compile("not among them")
    for key, own in fresh.items():
        found = compiler.compile(*key)
        assert (found, found.groupindex, found.groups) == (own, own.groupindex, own.groups)


def test_the_recording_is_always_the_same() -> None:
    """Whatever the order of a set in the process that recorded it."""
    assert recorded("keeptrusts.policy.lint") == recorded("keeptrusts.policy.lint")


def test_modules_out_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package and its modules are imported from it, have paths, and see each other; others are not found."""
    sources = {"odd": ("odd/__init__.py", "from odd.inner import A"), "odd.inner": ("odd/inner.py", "A = __file__")}
    codes = {name: (path, marshal.dumps(compile(text, path, "exec"))) for name, (path, text) in sources.items()}
    (tmp_path / "file").write_bytes(bundle.packed(codes, b"1234"))
    file = os.open(tmp_path / "file", os.O_RDONLY)
    monkeypatch.setattr(sys, "meta_path", [bundle.Bundle(file, str(tmp_path)), *sys.meta_path])
    try:
        odd = importlib.import_module("odd")
        assert f"{tmp_path}/odd/inner.py" == odd.A
        assert odd.__path__ == []
        with pytest.raises(ImportError):
            importlib.import_module("odd.other")
    finally:
        os.close(file)
        for name in sources:
            sys.modules.pop(name, None)
