"""`kt events`: what the gateways decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.cli.connection import make_client, with_settings
from keeptrusts.cli.duration import MOMENT
from keeptrusts.cli.feed import SPOOL, EventRow, Feed, Spooled, Stored, find_event
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import emit, emit_line, emit_one, format_option, paint, shown
from keeptrusts.cli.settings import Settings

if TYPE_CHECKING:
    from keeptrusts.client import Client

VERDICTS: Final = ("allowed", "redacted", "escalated", "blocked", "failed")
COLUMNS: Final = ("timestamp", "verdict", "status", "reason_code", "model", "latency_ms", "id")
WIDTHS: Final = (27, 9, 6, 32, 20, 10, 36)


ENTRIES: Final = {
    "export": Entry("keeptrusts.cli.events_export:export", "An archive of events: made, waited for, downloaded."),
    "erase": Entry("keeptrusts.cli.events_erase:erase", "Delete the events of a user, whole and for good."),
    "open": Entry("keeptrusts.cli.events_open:open_archive", "Decrypt the texts that an archive of events holds."),
    "stats": Entry("keeptrusts.cli.events_stats:stats", "How many decisions there were, by verdict."),
    "verify": Entry("keeptrusts.cli.events_verify:verify", "Prove an archive of events, or a spool, offline."),
    "why": Entry("keeptrusts.cli.events_why:why", "Why a decision was what it was, judged again."),
}


@click.group(cls=LazyGroup, entries=ENTRIES)
def events() -> None:
    """What the gateways decided."""


@events.command()
@click.option("--limit", type=click.IntRange(0, 10_000), default=10, show_default=True, help="How many, the newest.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only these.")
@click.option("--gateway", help="Only of this gateway, by name or id; with --spool by id.")
@click.option("--since", type=MOMENT, help="Only from then on: 2030-01-31T08:00:00Z, or 24h for a day ago.")
@SPOOL
@format_option("table", "json", "jsonl")
@with_settings
def tail(
    settings: Settings, /, form: str, *, limit: int, follow: bool, spool: Path | None, **given: str | None
) -> None:
    """
    The newest events, the newest last.

    With --follow, json is written as jsonl: each event on one line, as it comes.

    \b
      kt events tail --limit 10 --format json
      kt events tail --follow --verdict blocked
      kt events tail --spool ./spool
    """
    if spool is not None:
        _tail(Spooled(spool, _fits(given)), limit, form, follow=follow)
        return
    with make_client(settings) as client:
        _tail(Stored(client, _query(client, given)), limit, form, follow=follow)


@events.command()
@click.argument("event_id")
@SPOOL
@format_option("table", "json", "yaml")
@with_settings
def show(settings: Settings, /, event_id: str, form: str, *, spool: Path | None) -> None:
    """
    One event, with every policy's verdict and its place in its chain.

    \b
      kt events show evt_0193... --json
    """
    emit_one(find_event(settings, event_id, spool), form)


def _tail(feed: Feed, limit: int, form: str, *, follow: bool) -> None:
    if not follow:
        emit(feed.newest(limit), COLUMNS, form)
        return
    seen: set[str] = set()
    write = _write_row if form == "table" else emit_line

    def first() -> None:
        for event in feed.newest(limit):
            seen.add(str(event.get("id")))
            write(event)

    try:
        for event in feed.coming(first):
            # what was stored while the first were listed comes twice
            if str(event.get("id")) not in seen:
                write(event)
    except KeyboardInterrupt:
        return


def _query(client: Client, given: Mapping[str, str | None]) -> Mapping[str, str | None]:
    from keeptrusts.cli.gateway import find_gateway

    gateway = given.get("gateway")
    chosen = find_gateway(client, gateway)["id"] if gateway else None
    return {"verdict": given.get("verdict"), "since": given.get("since"), "gateway_id": chosen}


def _fits(given: Mapping[str, str | None]) -> Callable[[EventRow], bool]:
    wanted = {"verdict": given.get("verdict"), "gateway_id": given.get("gateway")}
    exact = {name: value for name, value in wanted.items() if value is not None}
    since = given.get("since")
    begin = datetime.fromisoformat(since) if since else None

    def fits(event: EventRow) -> bool:
        if any(event.get(name) != value for name, value in exact.items()):
            return False
        return begin is None or datetime.fromisoformat(str(event["timestamp"])) >= begin

    return fits


def _write_row(event: Mapping[str, Any]) -> None:
    """A line of a table whose width is not known yet."""
    cells = zip(COLUMNS, WIDTHS, strict=True)
    click.echo("  ".join(paint(text) + " " * (broad - len(text)) for name, broad in cells
                         for text in [shown(event.get(name))]).rstrip())  # fmt: skip
