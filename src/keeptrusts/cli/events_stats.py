"""`kt events stats`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.api.events import FILTERS
from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import MOMENT
from keeptrusts.cli.gateway import find_gateway, read_label
from keeptrusts.cli.output import emit, emit_value, format_option, say

if TYPE_CHECKING:
    from keeptrusts.client import Client

COLUMNS: Final = ("verdict", "count", "share")
OWN: Final = frozenset({"since", "until", "gateway_id"})
"""Filters that have an option of their own."""


@click.command()
@click.option("--since", type=MOMENT, help="From then on: 2030-01-31T08:00:00Z, or 7d.  [default: 24h before --until]")
@click.option("--until", type=MOMENT, help="Up to then.  [default: now]")
@click.option("--gateway", help="Only of this gateway, by name or id.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE",
              help="Only these, such as `policy=pii-detector`; repeatable.")  # fmt: skip
@format_option("table", "json", "csv", "yaml")
@with_client
def stats(
    client: Client, /, *, since: str | None, until: str | None, gateway: str | None, filters: tuple[str, ...], form: str
) -> None:
    """
    How many decisions there were, by verdict.

    \b
      kt events stats
      kt events stats --since 7d --gateway edge
      kt events stats --since 30d --filter policy=prompt-injection --filter model=gpt-4o --json
    """
    query: dict[str, str | None] = {"since": since, "until": until, **_read(filters)}
    if gateway:
        query["gateway_id"] = find_gateway(client, gateway)["id"]
    found = client.events.stats(query)
    if form in {"json", "yaml"}:
        emit_value(found, form)
        return
    emit(_rows(found), COLUMNS, form)
    if form == "table":
        say(f"{found['total']} decisions from {found['since']} to {found['until']}")


def _read(filters: Sequence[str]) -> dict[str, str]:
    given = dict(read_label(one) for one in filters)
    known = [name for name in FILTERS if name not in OWN]
    for name in given:
        if name not in known:
            raise click.UsageError(f"there is no filter `{name}`; there are {', '.join(f'`{one}`' for one in known)}")
    return given


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    total = found["total"]
    return [
        {"verdict": verdict, "count": count, "share": f"{100 * count / total:.1f} %" if total else ""}
        for verdict, count in found["verdicts"].items()
    ]
