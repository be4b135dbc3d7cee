"""
Every module of a packaged provider in one file, of which each is read when it is imported.

A folder of modules costs a few calls of the system for every import, and Terraform, which hashes each file at each
command, twenty milliseconds more. The launcher runs this module's code out of the file itself, so it imports nothing.
"""

from __future__ import annotations

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

FILE = f"modules.{sys.implementation.cache_tag}.bin"
"""In `lib`: magic number of the bytecode, size of the index, index, code after code."""
MAGIC_SIZE = SIZE_SIZE = 4


class Bundle:
    """
    An importer.

    Args:
        file: Descriptor of the file, which stays open.
        folder: `lib`; modules have paths below it, although nothing is there.
    """

    def __init__(self, file: int, folder: str) -> None:
        self._file = file
        self._folder = folder
        size = int.from_bytes(os.pread(file, SIZE_SIZE, MAGIC_SIZE), "little")
        self._codes = MAGIC_SIZE + SIZE_SIZE + size
        index: Mapping[str, tuple[str, int, int]] = marshal.loads(os.pread(file, size, MAGIC_SIZE + SIZE_SIZE))  # noqa: S302 - our own
        self._index = index

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        found = self._index.get(name)
        if found is None:
            return None
        return ModuleSpec(name, self, origin=found[0], is_package=found[0].endswith("/__init__.py"))  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> None:
        """As Python does."""

    def exec_module(self, module: ModuleType) -> None:
        path, at, size = self._index[module.__name__]
        module.__file__ = f"{self._folder}/{path}"
        code = marshal.loads(os.pread(self._file, size, self._codes + at))  # noqa: S302 - our own
        exec(code, module.__dict__)  # noqa: S102 - as the import system does


def packed(modules: Mapping[str, tuple[str, bytes]], magic: bytes) -> bytes:
    """
    The file.

    Args:
        modules: Name -> path below `lib`, and marshalled code.
    """
    index, codes, at = {}, [], 0
    for name, (path, code) in sorted(modules.items()):
        index[name] = (path, at, len(code))
        codes.append(code)
        at += len(code)
    head = marshal.dumps(index, 2)
    return b"".join((magic, len(head).to_bytes(SIZE_SIZE, "little"), head, *codes))
