"""
`kt`: the command line.

Groups are imported when they are used, so that `kt policy lint` never pays for the control plane.
"""

from __future__ import annotations

import importlib
import importlib.util

import click

from keeptrusts.core.version import VERSION

GROUPS = {
    "policy": "keeptrusts.cli.policy:policy",
    "server": "keeptrusts.cli.server:server",
}
"""Name of a group -> module and object that hold it."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of what is there, without importing it."""
        del ctx
        return sorted(name for name, where in GROUPS.items() if importlib.util.find_spec(where.partition(":")[0]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of this group."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, name = GROUPS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="kt")
def main() -> None:
    """
    Keeptrusts: AI governance as code.

    Result on stdout, talk on stderr. Exit status: 0 done, 1 failed, 2 wrong input or usage, 3 a check found something,
    4 not authorised.
    """
