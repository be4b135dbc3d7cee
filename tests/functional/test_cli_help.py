"""What `kt ... --help` says: each command, as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from keeptrusts.cli.main import COMMANDS, main
from support.served import run_kt

ELSEWHERE = {"policy", "terraform"}
"""Groups that have tests of their own."""


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """This command and those below it, each with the context it would run in."""
    yield context.command_path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, click.Context(below, parent=context, info_name=name, terminal_width=100))


ROOT = click.Context(main, info_name="kt", terminal_width=100, **main.context_settings)
MINE = {
    path: context
    for path, context in commands(main, ROOT)
    if path not in {"kt", "kt gateway run"} and path.split()[1] not in {*ELSEWHERE, "export-jobs", "audit-log"}
}


@pytest.mark.parametrize("path", MINE)
def test_help_of_each_command(path: str, snapshot: SnapshotAssertion) -> None:
    """The help of a command changes only on purpose."""
    context = MINE[path]
    assert context.command.get_help(context) == snapshot


@pytest.mark.parametrize("path", MINE)
def test_help_fits_a_terminal(path: str) -> None:
    """No line of prose is wider than the page; examples may be, they are to be copied."""
    context = MINE[path]
    prose = [
        line
        for line in context.command.get_help(context).splitlines()
        if not line.lstrip().startswith(("kt ", "KEEPTRUSTS_"))
    ]
    assert [line for line in prose if len(line) > 100] == []


GROUPS = {
    "audit",
    "auth",
    "config",
    "console",
    "escalation",
    "events",
    "export",
    "gateway",
    "secret",
    "server",
    "token",
    "webhook",
}
RUNS_ON = {"kt server run", "kt gateway run", "kt config export"}
"""They serve or write files, and have no result."""


@pytest.mark.parametrize("path", [path for path in MINE if path.split()[1] in GROUPS and path not in RUNS_ON])
def test_every_command_can_answer_a_program_and_shows_how_it_is_used(path: str) -> None:
    """`--json` is everywhere, and so is an example that can be copied."""
    command = MINE[path].command
    if isinstance(command, click.Group):
        return
    assert "--json" in {option for one in command.params for option in one.opts}
    example = path.removesuffix(" list") if path == "kt gateway token list" else path
    assert f"  {example} " in f"{command.help} "


def test_the_list_of_groups_imports_none() -> None:
    """`kt --help` is quick: it knows the groups by name alone."""
    code = (
        "import sys; from click.testing import CliRunner; from keeptrusts.cli.main import main\n"
        "assert 'events' in CliRunner().invoke(main, ['--help']).output\n"
        "heavy = {'urllib3', 'rich', 'yaml', 'sqlalchemy', 'fastapi', 'pydantic', 'keeptrusts.cli.events'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistyped_group_is_recognised() -> None:
    """Though none of the groups is imported yet; what is like nothing is only refused."""
    mistyped, strange = run_kt("polcy", env={}), run_kt("xyzzy", env={})
    assert (mistyped.exit_code, "No such command 'polcy'. Did you mean 'policy'?" in mistyped.stderr) == (2, True)
    assert (strange.exit_code, "No such command 'xyzzy'.\n" in strange.stderr) == (2, True)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"export-jobs", "audit-log"}))
def test_the_list_of_commands_is_not_cut(name: str) -> None:
    """On a terminal of the usual width each command says what it does in whole sentences."""
    listed = run_kt(name, "--help", env={"COLUMNS": "80"}).stdout.partition("\nCommands:\n")[2]
    assert "..." not in listed
