"""
What every start of the provider would compute anew, although it never changes: computed when it is packaged.

`dataclasses` writes the methods of each class as source text and gives it to `exec`; `re` compiles each pattern. The
same text compiled before does the same; what is not among it is compiled as ever (ADR-0062, ADR-0236).
"""

from __future__ import annotations

import _thread
import os
import sys

from keeptrusts.terraform.plugin.certificate import sha256  # type: ignore[attr-defined] # of whichever module has it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

FILE = f"prepared.{sys.implementation.cache_tag}.bin"
"""Beside this module, for one version of Python: methods by their source, and patterns by text and flags."""

SIZE_SIZE = 4

RECORDER = """\
import sys, re, _sre
patterns, texts = {}, set()
class Recording:
    def __getattr__(self, name):
        return getattr(_sre, name)
    def compile(self, pattern, flags, code, groups, names, indexes):
        self.last = (int(flags), [int(one) for one in code], groups, dict(names), tuple(indexes))
        return _sre.compile(pattern, flags, code, groups, names, indexes)
compiler = re._compiler
recording = compiler._sre = Recording()
compile_it = compiler.compile
def compile_and_record(pattern, flags=0):
    made = compile_it(pattern, flags)
    if isinstance(pattern, (str, bytes)):
        patterns[pattern, int(flags)] = recording.last
    return made
compiler.compile = compile_and_record
import builtins, dataclasses, importlib, marshal
def record(text, *names):
    texts.add(text)
    builtins.exec(text, *names)
dataclasses.exec = record
for name in sys.argv[1:]:
    importlib.import_module(name)
ordered = sorted(patterns.items(), key=repr)
sys.stdout.buffer.write(marshal.dumps((sorted(texts), ordered), 2))
"""
"""Run in a process of its own with the names of all modules; writes what is to be prepared."""


def use_prepared(folder: str) -> None:
    """Let `re` and `dataclasses` take what is ready. Without the file, or with half of one, a start is only slower."""
    import marshal

    try:
        file = os.open(f"{folder}/{FILE}", os.O_RDONLY)
        size = int.from_bytes(os.pread(file, SIZE_SIZE, 0), "little")
        methods, patterns = marshal.loads(os.pread(file, size, SIZE_SIZE))  # noqa: S302 - as much ours as this module is
        methods.get, patterns.get  # noqa: B018 - both are dicts, or there is nothing to use
    except (OSError, ValueError, EOFError, TypeError, AttributeError):
        return
    use_patterns(patterns)
    use_methods(methods, lambda at, size: os.pread(file, size, at))


def packed(methods: Mapping[str, bytes], patterns: dict[Any, Any]) -> bytes:
    """
    The file.

    Args:
        methods: Source -> marshalled code. In the file is a digest of the source, where its code begins, and its size.
    """
    import marshal

    sizes = {sha256(text.encode()).digest(): len(code) for text, code in methods.items()}
    # the place of a code depends on the size of the index: numbers of always the same size keep it as it is
    size = len(marshal.dumps((dict.fromkeys(sizes, (0, 0)), patterns), 2))
    at = SIZE_SIZE + size
    index = {}
    for digest, length in sizes.items():
        index[digest] = (at, length)
        at += length
    return b"".join((size.to_bytes(SIZE_SIZE, "little"), marshal.dumps((index, patterns), 2), *methods.values()))


def use_patterns(patterns: Mapping[Any, Any]) -> None:
    """From now on text and flags are looked up first. Where nobody has imported `re` yet, it is put off."""
    if "re" in sys.modules:
        _look_up_first(sys.modules["re"], patterns)
    else:
        sys.modules["re"] = _Re(patterns)


def _look_up_first(module: Any, patterns: Mapping[Any, Any]) -> None:
    """`re` compiles by the function `re._compiler.compile`."""
    compiler: Any = getattr(module, "_compiler", None)
    if compiler is None or not hasattr(compiler, "compile"):
        return
    compile_it: Callable[..., Any] = compiler.compile

    def look_up(pattern: Any, flags: int = 0) -> Any:
        found = patterns.get((pattern, flags)) if isinstance(pattern, str | bytes) else None
        return compile_it(pattern, flags) if found is None else _made(pattern, found)

    compiler.compile = look_up


def _made(pattern: str | bytes, found: Any) -> Any:
    import _sre  # type: ignore[import-not-found]

    return _sre.compile(pattern, *found)


class _Re(type(sys)):  # type: ignore[misc]
    """
    What `dataclasses`, `typing` and `json` need of `re` while they are imported.

    They compile patterns that are at hand. Whatever else is asked for, the real one is imported and takes this one's
    place, as it does with the first policy that is read.
    """

    MULTILINE, DOTALL, VERBOSE = 8, 16, 64

    def __init__(self, patterns: Mapping[Any, Any]) -> None:
        super().__init__("re")
        self._patterns = patterns
        self._lock = _thread.allocate_lock()
        self.Pattern = type(_made("", (0, [1], 0, {}, ())))
        self.Match = type(self.Pattern.match(_made("", (0, [1], 0, {}, ())), ""))

    def compile(self, pattern: Any, flags: int = 0) -> Any:
        found = self._patterns.get((pattern, flags)) if isinstance(pattern, str | bytes) else None
        return self._real().compile(pattern, flags) if found is None else _made(pattern, found)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for some
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> Any:
        with self._lock:
            if sys.modules.get("re") is self:
                del sys.modules["re"]
                import re

                _look_up_first(re, self._patterns)
        return sys.modules["re"]


def use_methods(methods: Mapping[bytes, tuple[int, int]], read: Callable[[int, int], bytes]) -> None:
    """
    `dataclasses` without the compiler, and without `inspect`, which it has for a docstring that nobody reads.

    Args:
        methods: Digest of a source -> where its code begins, and its size; `read` gives it.
    """
    import builtins
    import marshal

    dataclasses = _without_inspect()

    def run(text: str, *names: dict[str, object]) -> None:
        found = methods.get(sha256(text.encode()).digest())
        builtins.exec(text if found is None else marshal.loads(read(*found)), *names)  # noqa: S102, S302 - it would

    dataclasses.exec = run


def _without_inspect() -> Any:
    """The module, imported with stand-ins for `inspect` and `copy`; as it is, where one of them is imported already."""
    if not sys.modules.keys() & {"inspect", "copy", "dataclasses"}:
        sys.modules["inspect"], sys.modules["copy"] = _Inspect("inspect"), _Late("copy")
        try:
            import dataclasses
        finally:
            del sys.modules["inspect"], sys.modules["copy"]
    import dataclasses

    return dataclasses


class _Late(type(sys)):  # type: ignore[misc]
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


class _Inspect(_Late):
    """
    What `dataclasses` asks of `inspect`.

    The signature becomes the docstring of a class without one; its annotations are what Python 3.12 asks for.
    """

    @staticmethod
    def signature(_of: object) -> str:
        return "(...)"

    @staticmethod
    def get_annotations(of: type) -> dict[str, Any]:
        return {**of.__dict__.get("__annotations__", {})}  # noqa: RUF063 - that is what this stands in for
