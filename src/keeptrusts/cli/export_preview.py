"""`kt export preview`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from keeptrusts.api.exports import EXPORT_TYPES
from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import MOMENT
from keeptrusts.cli.gateway import read_label
from keeptrusts.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from keeptrusts.client import Client

COLUMNS: Final = {
    "events": ("timestamp", "verdict", "status", "reason_code", "model", "id"),
    "escalations": ("created_at", "state", "outcome", "reason_code", "gateway_id", "id"),
    "audit-log": ("at", "action", "actor", "object_id", "ip", "id"),
}


@click.command()
@click.option("--type", "kind", type=click.Choice(EXPORT_TYPES), default="events", show_default=True,
              help="What the export would hold.")  # fmt: skip
@click.option("--window", help="The time before now, such as 1h, 24h or 30d.  [default: 24h]")
@click.option("--from", "begin", type=MOMENT, help="Its start, as 2030-01-31T08:00:00Z, or how long ago.")
@click.option("--to", "end", type=MOMENT, help="Its end; with --from.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE",
              help="Only these, such as `verdict=blocked`; repeatable.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How many rows.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def preview(
    client: Client,
    /,
    *,
    kind: str,
    window: str | None,
    begin: str | None,
    end: str | None,
    filters: tuple[str, ...],
    limit: int,
    form: str,
) -> None:
    """
    The first rows of what an export would hold, before it is made. The options are those of `kt export create`.

    \b
      kt export preview --window 1h
      kt export preview --type audit-log --window 30d --format json
      kt export preview --from 2030-01-01T00:00:00Z --to 2030-02-01T00:00:00Z --filter verdict=blocked
    """
    if (window and begin) or (end is not None and begin is None):
        raise click.UsageError("give `--window`, or `--from` and `--to`")
    query: dict[str, str | None] = {
        **dict(read_label(one) for one in filters),
        "type": kind,
        "window": window or (None if begin else "24h"),
        "from": begin,
        "to": end,
        "limit": str(limit),
    }
    found = client.exports.preview(query)
    emit(found["data"], COLUMNS[kind], form)
    if found["has_more"]:
        say("there are more; `kt export create` with the same options has them all")
