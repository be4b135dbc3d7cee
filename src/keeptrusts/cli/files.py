"""Files that a command is given by path, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from keeptrusts.cli.failure import stop

OWNER_ONLY = 0o600


class Existing(click.Path):
    """A path of what is there. What is not ends the command with 1: it could not begin."""

    def __init__(self, *, folder: bool | None = False) -> None:
        """`folder`: whether it is one; None: either may be."""
        super().__init__(
            exists=True, file_okay=folder is not True, dir_okay=folder is not False, readable=True, path_type=Path
        )

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        with _could_not_begin(param, ctx):
            return super().convert(value, param, ctx)


class ExistingText(click.File):
    """The same, opened as text; `-`: stdin."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        with _could_not_begin(param, ctx):
            return super().convert(value, param, ctx)


@contextmanager
def _could_not_begin(param: click.Parameter | None, ctx: click.Context | None) -> Iterator[None]:
    try:
        yield
    except click.BadParameter as fault:
        named = param.get_error_hint(ctx).replace("'", "`") if param is not None and ctx is not None else "the path"
        reason = (fault.message[:1].lower() + fault.message[1:].rstrip(".")).replace("'", "`")
        raise stop(f"{named}: {reason}", "name one that is there and can be read", code="unreadable_file") from None


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader never sees half of it. A mode of `OWNER_ONLY` holds from its first byte."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
