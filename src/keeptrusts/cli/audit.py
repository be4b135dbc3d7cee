"""`kt audit`: who changed what."""

from __future__ import annotations

from datetime import datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import MOMENT
from keeptrusts.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from keeptrusts.client import Client

COLUMNS: Final = ("at", "action", "actor", "object_id", "ip", "request_id")


@click.group()
def audit() -> None:
    """Every write in the organisation: by whom, to what, from where."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many, the newest.")
@click.option("--since", type=MOMENT, help="Only from then on: 2030-01-31T08:00:00Z, or 24h for a day ago.")
@click.option("--actor", help="Only by this key, by id; `system`: what nobody asked for.")
@click.option("--action", help="Only this, such as `configuration.update`.")
@click.option("--object-type", help="Only to objects of this type, such as `webhook`.")
@click.option("--object-id", help="Only to this object.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_audit(
    client: Client,
    /,
    *,
    limit: int,
    since: str | None,
    actor: str | None,
    action: str | None,
    object_type: str | None,
    object_id: str | None,
    form: str,
) -> None:
    """
    The newest entries of the audit log, the newest first. It needs a key of an admin or auditor.

    Each has digests of the object before and after, so that two entries can be told to fit; what stands in an object
    is never here. For all of it: `kt export create --type audit-log`.

    \b
      kt audit list --since 24h
      kt audit list --object-id cfg_0193... --format json
      kt audit list --action token.create --actor key_0193...
    """
    wanted = {"actor": actor, "action": action, "object_type": object_type, "object_id": object_id}
    begin = datetime.fromisoformat(since) if since else None
    found = takewhile(
        lambda entry: begin is None or datetime.fromisoformat(entry["at"]) >= begin, client.audit.each(wanted)
    )
    rows = list(islice(found, limit))
    emit(rows, COLUMNS, form)
    if len(rows) == limit:
        say(f"the newest {limit}; `--limit` shows more, `kt export create --type audit-log` all")
