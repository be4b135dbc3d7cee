"""`kt doctor`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain

import click

from keeptrusts.cli.checks import CHECKS, control_plane
from keeptrusts.cli.connection import with_settings
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import emit, format_option, say
from keeptrusts.cli.settings import Settings


@click.command()
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_settings
def doctor(settings: Settings, form: str) -> None:
    """
    Look at everything that has to be right: the control plane, clock, versions, key, Terraform, provider, port.

    Exit status: 0 all is well, 3 a check fails; each that does says the next step.
    """
    results = list(chain(control_plane(settings), *(check() for check in CHECKS)))
    emit([asdict(one) for one in results], ("check", "state", "detail"), form)
    failing = [one for one in results if one.state == "fails"]
    for one in results:
        if one.next_step and form == "table":
            say(f"{one.check}: {one.next_step}")
    if failing:
        raise stop(f"{len(failing)} of {len(results)} checks fail", status=Exit.FOUND, code="unwell")
