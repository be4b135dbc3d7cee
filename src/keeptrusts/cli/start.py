"""
`kt` from its first line.

`dataclasses` writes the methods of each class as source text and has it compiled at every start, although it never
changes: a fifth of `kt policy lint`. What an earlier start compiled lies where Python keeps compiled modules, and is
taken from there, as the packaged provider does (ADR-0062). Whoever may write there decides what runs in either case.
"""

from __future__ import annotations

import builtins
import marshal
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any, Final

MOST: Final = 4000
"""Methods that are kept: those of all commands are fewer. With more of them, all are forgotten."""


def start() -> None:
    """Run the command line."""
    import atexit

    methods = Methods(_place())
    methods.use()
    atexit.register(methods.keep)
    from keeptrusts.cli.main import main

    main()


def _place() -> Path:
    """A file beside the compiled modules of this version of Python."""
    from importlib.util import cache_from_source

    return Path(cache_from_source(__file__)).with_suffix(".dataclasses")


class Methods:
    """
    Methods of dataclasses by their source.

    Args:
        file: Where they lie. Nothing is written where Python writes no compiled modules either.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, bytes] = {}
        self._new: dict[str, bytes] = {}

    def use(self, module: Any = None) -> None:
        """From now on; `module` stands for `dataclasses`. Half a file is as good as none."""
        try:
            known = marshal.loads(self._file.read_bytes())  # noqa: S302 - as much ours as the modules beside it
            self._known = known if isinstance(known, dict) else {}
        except (OSError, ValueError, EOFError, TypeError):
            pass
        if module is None:
            import dataclasses as module
        module.exec = self._run

    def keep(self) -> None:
        """Put what was compiled anew beside what was known, whole or not at all; a place that refuses costs time."""
        if sys.dont_write_bytecode or not self._new:
            return
        known = self._known if len(self._known) + len(self._new) <= MOST else {}
        draft = self._file.with_suffix(f".{os.getpid()}")
        try:
            draft.write_bytes(marshal.dumps(known | self._new))
            draft.replace(self._file)
        except OSError:
            with suppress(OSError):  # a file system that is read alone refuses this, too
                draft.unlink()

    def _run(self, text: str, *names: dict[str, object]) -> None:
        builtins.exec(self._code(text), *names)  # noqa: S102 - `dataclasses` would

    def _code(self, text: str) -> CodeType:
        known = self._known.get(text)
        if known is None:
            # not as this module is compiled: the annotations of a method are the types, not their names
            code: CodeType = compile(text, "<string>", "exec", dont_inherit=True)
            self._new[text] = marshal.dumps(code)
            return code
        found: CodeType = marshal.loads(known)  # noqa: S302
        return found
