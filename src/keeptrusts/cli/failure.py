"""How a command ends that did not do what it was asked: what failed and the next step on stderr, and an exit status."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any, Final

import click

from keeptrusts.cli.output import shown
from keeptrusts.core.errors import (
    ApiError,
    ApiUnreachableError,
    InputError,
    KeeptrustsError,
    NotAuthorisedError,
)


class Exit(IntEnum):
    """Exit statuses, the same for every command."""

    FAILED = 1
    WRONG_INPUT = 2
    FOUND = 3
    NOT_AUTHORISED = 4


class Failure(click.ClickException):
    """
    A named error as a message.

    Args:
        next_step: What to do; None: as the error itself suggests.
        status: Exit status; None: as the error's kind has it.
    """

    exit_code: int  # type: ignore[misc] # click sets it on instances too, but declares it of the class

    def __init__(self, error: KeeptrustsError, next_step: str | None = None, *, status: int | None = None) -> None:
        super().__init__(shown(str(error)))
        self.exit_code = exit_status(error) if status is None else status
        self._error = error
        self._next_step = next_step or suggestion(error)

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{click.style('error', fg='red')}[{self._error.code}]: {self.message}", file=file, err=True)
        for item in getattr(self._error, "errors", ()):
            # what has been said already is not said again; where it is, is news
            said = item.get("message") == self._error.args[0]
            place = f"  at {_place(item)}" if said else f"  {_place(item)}: {item.get('message')}"
            click.echo(shown(place), file=file, err=True)
            if item.get("suggestion"):
                click.echo(shown(f"    help: {item['suggestion']}"), file=file, err=True)
        if self._next_step:
            click.echo(shown(f"  next: {self._next_step}"), file=file, err=True)


def stop(message: str, next_step: str = "", *, status: int = Exit.FAILED, code: str = "failed") -> Failure:
    """A failure of the command line's own."""
    return Failure(KeeptrustsError(message, code=code), next_step, status=status)


def exit_status(error: KeeptrustsError) -> int:
    match error:
        case ApiError(status=401 | 403) | NotAuthorisedError():
            return Exit.NOT_AUTHORISED
        case ApiError(status=400 | 404 | 405 | 409 | 410 | 412 | 413 | 422) | InputError():
            return Exit.WRONG_INPUT
        case _:
            return Exit.FAILED


_SHOWN_BY: Final = (
    ("no such event", "`kt events tail`"),
    ("no such escalation", "`kt escalation list`"),
    ("no such webhook", "`kt webhook list`"),
    ("no such delivery", "`kt webhook deliveries WEBHOOK_ID`"),
    ("no such configuration", "`kt config list`"),
    ("no such version", "`kt config versions NAME_OR_ID`"),
    ("names no version", "`kt config versions NAME_OR_ID`"),
    ("names no configuration", "`kt config list`"),
    ("no such gateway", "`kt gateway list`"),
    ("no such export", "`kt export list`"),
    ("no such token", "`kt gateway token list NAME_OR_ID`"),
    ("no such key", "`kt token list`"),
    ("no such variable", "`kt secret list`"),
)
"""What the control plane says is not there, and the command that shows what is."""


def suggestion(error: KeeptrustsError) -> str:
    """What to do about an error that does not say it."""
    match error:
        case ApiError(status=401):
            return (
                "put a valid key into `KEEPTRUSTS_API_TOKEN` (or the profile); `kt config show` says which one was used"
            )
        case ApiError(status=403):
            return "use a key that may do this: `kt auth whoami` shows the role of the one in `KEEPTRUSTS_API_TOKEN`"
        case ApiError(code="unexpected_answer"):
            return "see whether `KEEPTRUSTS_API_URL` leads to a control plane: `kt doctor` looks at each step"
        case ApiUnreachableError():
            return "check `KEEPTRUSTS_API_URL`; `kt doctor` looks at each step, `kt dev` starts a control plane here"
        case ApiError(code="not_found" | "unknown_version" | "unknown_configuration"):
            return next((f"{where} shows those there are" for noun, where in _SHOWN_BY if noun in str(error)), "")
        case _:
            return ""


def _place(item: dict[str, object]) -> str:
    place = str(item.get("path") or "the request")
    return f"{place} (line {item['line']}, column {item['column']})" if "line" in item and "column" in item else place
