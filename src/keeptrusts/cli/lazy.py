"""A click group that knows its commands by name and imports one only when it is used."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A command that is not imported yet.

    Args:
        where: `module:object`.
        summary: What the list of commands says, so that the list imports nothing.
    """

    where: str
    summary: str
    hidden: bool = False

    @property
    def module(self) -> str:
        return self.where.partition(":")[0]

    def load(self) -> click.Command:
        command = getattr(importlib.import_module(self.module), self.where.partition(":")[2])
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """
    A group with commands of its own and commands from elsewhere.

    Args:
        entries: Name to command. One whose module is not installed is not there.
    """

    def __init__(self, *args: Any, entries: Mapping[str, Entry] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._entries = {
            name: entry for name, entry in (entries or {}).items() if importlib.util.find_spec(entry.module)
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._entries})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        return entry.load() if entry else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        wrong = args[0]
        if not ctx.resilient_parsing and not wrong.startswith("-") and wrong not in (names := self.list_commands(ctx)):
            import difflib

            # click itself looks for similar names among those commands alone that are imported
            near = difflib.get_close_matches(wrong, names, n=1)
            raise click.UsageError(f"No such command '{wrong}'." + "".join(f" Did you mean '{x}'?" for x in near), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, summary) for name in self.list_commands(ctx) if (summary := self._told(ctx, name))]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def _told(self, ctx: click.Context, name: str) -> str | None:
        """One line about a command; None: it is not to be shown."""
        if entry := self._entries.get(name):
            return None if entry.hidden else entry.summary
        command = super().get_command(ctx, name)
        return None if command is None or command.hidden else command.get_short_help_str(90)
