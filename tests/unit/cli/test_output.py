"""Results as tables and files."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from keeptrusts.cli.output import csv_text, emit_one, format_option, shown, table

ROWS = [
    {"id": "a", "verdict": "blocked", "deep": {"name": "x"}, "many": ["p", "q"]},
    {"id": "bb", "verdict": "allowed", "deep": {}, "many": []},
]


def plain(lines: list[str]) -> list[str]:
    return [click.unstyle(line) for line in lines]


def test_columns_are_aligned() -> None:
    """Each column is as wide as its widest cell, colour or not; what is not there is empty."""
    assert plain(table(ROWS, ("id", "verdict", "deep.name", "many"), width=None)) == [
        "ID  VERDICT  NAME  MANY",
        "a   blocked  x     p, q",
        "bb  allowed",
    ]


def test_an_empty_list_has_a_head() -> None:
    """Nothing found is not nothing said."""
    assert plain(table([], ("id", "name"), width=80)) == ["ID  NAME"]


def test_a_narrow_terminal_cuts_the_widest_column() -> None:
    """A line fits, and a cut is visible."""
    rows = [{"id": "0123", "url": "https://example.com/a/very/long/path"}]
    lines = plain(table(rows, ("id", "url"), width=20))
    assert lines == ["ID    URL", "0123  https://examp…"]
    assert max(map(len, lines)) <= 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1.5, "1.5"),
        ({"a": 1}, '{"a": 1}'),
        ([{"a": 1}], '[{"a": 1}]'),
        ("a\x1b[31mb\nc", "a [31mb c"),
    ],
)
def test_a_value_in_a_cell(value: object, text: str) -> None:
    """Every kind has a form, and none can drive the terminal."""
    assert shown(value) == text


def test_csv_is_rfc_4180_and_no_formula() -> None:
    """Quotes are doubled, and a spreadsheet runs nothing."""
    rows = [{"a": 'say "hi", x', "b": "=1+1"}, {"a": "-2", "b": "@x"}]
    assert csv_text(rows, ("a", "b")) == 'a,b\r\n"say ""hi"", x",\'=1+1\r\n\'-2,\'@x\r\n'


def test_one_object_is_names_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of one is read from top to bottom."""
    emit_one({"id": "a", "created_at": None}, "table")
    assert capsys.readouterr().out == "id          a\ncreated_at  \n"


@pytest.mark.parametrize(
    ("arguments", "form"),
    [([], "table"), (["--json"], "json"), (["--format", "csv"], "csv"), (["--json", "--format", "json"], "json")],
)
def test_json_is_a_format(arguments: list[str], form: str) -> None:
    """`--json` is short for `--format json`, wherever it stands."""
    assert CliRunner().invoke(told, arguments).output == f"{form}\n"


def test_two_formats_are_refused() -> None:
    """Contradicting options are an error, not a choice."""
    result = CliRunner().invoke(told, ["--format", "csv", "--json"])
    assert result.exit_code == 2
    assert "two different answers" in result.output


@click.command()
@format_option("table", "json", "csv")
def told(form: str) -> None:
    click.echo(form)
