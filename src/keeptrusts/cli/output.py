"""
Results on stdout in the format that was asked for.

Tables are aligned text, cut to the terminal's width when there is one and whole otherwise; colour only underlines what
the words say.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Row: TypeAlias = Mapping[str, Any]
FORMATS: Final = ("table", "json", "jsonl", "csv", "yaml")
COLOURS: Final[Mapping[str, str]] = {
    "allowed": "green",
    "redacted": "yellow",
    "escalated": "magenta",
    "blocked": "red",
    "failed": "red",
    "fails": "red",
    "ok": "green",
    "online": "green",
    "offline": "red",
    "degraded": "yellow",
    "completed": "green",
    "delivered": "green",
    "dead": "red",
}
NARROWEST: Final = 8
BAR: Final = 30


def format_option(*formats: str) -> Callable[[Command], Command]:
    """`--format`, the first being the default, and `--json`."""
    default, choices = formats[0], click.Choice(formats)
    note = f"How the result is written.  [default: {default}]"

    def wrap(command: Command) -> Command:
        chosen = click.option("--format", "form", type=choices, default=None, callback=_format(default), help=note)
        alias = click.option(
            "--json", is_flag=True, expose_value=False, is_eager=True, callback=_remember, help="Same as --format json."
        )
        return chosen(alias(command))

    return wrap


def _remember(context: click.Context, _option: click.Parameter, given: bool) -> None:
    context.meta["keeptrusts.json"] = given


def _format(default: str) -> Callable[[click.Context, click.Parameter, str | None], str]:
    def choose(context: click.Context, _option: click.Parameter, value: str | None) -> str:
        if context.meta.get("keeptrusts.json"):
            if value not in {None, "json"}:
                raise click.UsageError(f"`--json` and `--format {value}` are two different answers")
            return "json"
        return value or default

    return choose


def emit(rows: Sequence[Row], columns: Sequence[str], form: str) -> None:
    """Write a list. `columns`: the keys that a table and csv show, in that order; `a.b` goes into an object."""
    match form:
        case "table":
            for line in table(rows, columns, width=_width()):
                click.echo(line)
        case "csv":
            click.echo(csv_text(rows, columns), nl=False)
        case "jsonl":
            for row in rows:
                emit_line(row)
        case _:
            emit_value(list(rows), form)


def emit_one(row: Row, form: str) -> None:
    """Write one object: a table of names and values, or the object itself."""
    if form == "table":
        broad = max((len(name) for name in row), default=0)
        for name, value in row.items():
            click.echo(f"{click.style(name.ljust(broad), bold=True)}  {paint(shown(value))}")
    else:
        emit_value(row, form)


def emit_value(value: Any, form: str) -> None:
    if form == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def emit_line(row: Row) -> None:
    """One object on one line, at once: whoever reads the pipe sees it now."""
    click.echo(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
    sys.stdout.flush()


def csv_text(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """RFC 4180. A cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_harmless(shown(pick(row, column))) for column in columns] for row in rows)
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def pick(row: Row, column: str) -> Any:
    value: Any = row
    for step in column.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def shown(value: Any) -> str:
    """A value in a cell. Control characters are not passed on to a terminal."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int() | float():
            text = str(value)
        case [*items] if all(isinstance(item, str | int | float) for item in items):
            text = ", ".join(map(str, items))
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def table(rows: Iterable[Row], columns: Sequence[str], *, width: int | None) -> list[str]:
    """Aligned lines with a head; cells are cut so that a line fits `width`, widest column first."""
    cells = [[shown(pick(row, column)) for column in columns] for row in rows]
    heads = [column.rpartition(".")[2].replace("_", " ").upper() for column in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return [
        _line(heads, widths, lambda text: click.style(text, bold=True)),
        *(_line(line, widths, paint) for line in cells),
    ]


def _line(cells: Sequence[str], widths: Sequence[int], style: Callable[[str], str]) -> str:
    # the padding stays outside of the colour, so that both forms are equally wide
    padded = [
        style(cut := _cut(cell, broad)) + " " * (broad - len(cut)) for cell, broad in zip(cells, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _cut(cell: str, broad: int) -> str:
    return cell if len(cell) <= broad else cell[: broad - 1] + "…"


def paint(text: str) -> str:
    colour = COLOURS.get(text)
    return click.style(text, fg=colour) if colour else text


def _width() -> int | None:
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # takes 3 ms, and most output goes to a file or another program

    return get_terminal_size().columns


def say(text: str) -> None:
    """Talk: stderr. Names of others may be in it: of what is not printed, line ends alone are passed on."""
    click.echo("\n".join(map(shown, text.split("\n"))), err=True)


def confirm(question: str) -> None:
    """Go on only when a person says yes."""
    click.confirm(shown(question), abort=True, err=True)


def emit_gone(row: Row, told: str, form: str) -> None:
    """What a command did away with: words on stderr, or the object itself."""
    if form == "table":
        say(told)
    else:
        emit_value(row, form)


class Bar:
    """How far long work is: one line on stderr, written over and over; nothing when that is no terminal."""

    def __init__(self, label: str, counted: str = "rows") -> None:
        self._label = label
        self._counted = counted
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            say("")

    def show(self, done: int, total: int | None) -> None:
        if not sys.stderr.isatty():
            return
        part = min(1.0, done / total) if total else 0.0
        count = f"{done} of {total}" if total is not None else str(done)
        full = round(part * BAR)
        click.echo(f"\r{self._label}  [{'#' * full}{'-' * (BAR - full)}]  {count} {self._counted}", nl=False, err=True)
        self._shown = True
