"""`kt policy diff`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Final

import click

from keeptrusts.cli.documents import sound_text
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.output import emit_value, format_option
from keeptrusts.policy.comparing import Change, Effect
from keeptrusts.policy.diff import diff_documents

_COLOURS: Final[Mapping[Effect, str | None]] = {"strengthens": "green", "weakens": "red", "neutral": None}


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@format_option("text", "json")
def diff(before: str, after: str, form: str) -> None:
    """
    What changed from document A to document B, by meaning: each change, and whether it strengthens or weakens.

    Spelling, comments, the order of keys and defaults that are written out make no difference. What may go either way
    counts as weakening.

    \b
      kt policy diff policy-config.yaml new.yaml
      git show main:policy-config.yaml | kt policy diff - policy-config.yaml

    Exit status: 0 they mean the same; 3 they differ; 2 one of them is not valid; 1 one could not be read.
    """
    tell(sound_text(before), sound_text(after), form)


def tell(before: str, after: str, form: str) -> None:
    """Write what changed between two valid documents, and end with the status that says whether anything did."""
    changes = diff_documents(before, after)
    counts = Counter(change.effect for change in changes)
    if form == "json":
        told = {effect: counts[effect] for effect in _COLOURS}
        emit_value({"same": not changes, **told, "changes": [change.as_json() for change in changes]}, form)
    else:
        for change in changes:
            click.echo(_painted(change))
        click.echo(_summary(counts))
    sys.exit(Exit.FOUND if changes else 0)


def _painted(change: Change) -> str:
    head, mark, tail = change.as_line().rpartition(f"({change.effect}")
    colour = _COLOURS[change.effect]
    return head + click.style(mark + tail, fg=colour) if colour else head + mark + tail


def _summary(counts: Counter[Effect]) -> str:
    if not counts:
        return "the documents mean the same"
    told = ", ".join(f"{counts[effect]} {effect}" for effect in _COLOURS if counts[effect])
    return f"{counts.total()} change{'' if counts.total() == 1 else 's'}: {told}"
