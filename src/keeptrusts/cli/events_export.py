"""`kt events export`: `kt export create`, of events alone and always to the end."""

from __future__ import annotations

from typing import Any

import click

from keeptrusts.cli.export import create


def _run(**given: Any) -> Any:
    assert create.callback is not None
    return create.callback(kind="events", wait=True, **given)


export = click.Command(
    "export",
    callback=_run,
    params=[one for one in create.params if one.name not in {"kind", "wait"}],
    help="""
    Have an archive of events made, wait for it, and download it. The name of its file is the result.

    \b
      kt events export --format jsonl --window 24h --output events.jsonl --manifest
      kt events export --format csv --window 30d --filter verdict=blocked

    With its manifest, `kt events verify` proves it offline.
    """,
)
