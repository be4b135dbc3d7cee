"""`kt events erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.output import emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.client import Client


@click.command()
@click.option("--user-id", required=True, help="As the events have it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def erase(client: Client, user_id: str, *, yes: bool, form: str) -> None:
    """
    Delete the events of a user, whole and for good, as the law may want it.

    The trail says so, signed: archives made afterwards are still proven. Archives and backups made before, and what
    gateways have not sent yet, keep theirs. It needs a key that may shorten retention: of an admin, or narrowed to
    `retention:write`.

    \b
      kt events erase --user-id alice@example.com
    """
    if not yes:
        click.confirm(f"delete all events of `{user_id}`? they do not come back", abort=True, err=True)
    count, more, checkpoint = 0, True, 0
    while more:
        done = client.events.erase(user_id)
        count, more, checkpoint = count + done["erased_count"], done["has_more"], done["checkpoint"]
    emit_one({"user_id": user_id, "erased_count": count, "checkpoint": checkpoint}, form)
    if not count:
        say("there was none; `kt events tail --format json` shows how events name users")
