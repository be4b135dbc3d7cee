"""`kt events erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.output import confirm, emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.events import ErasureDraft
    from keeptrusts.client import Client


@click.command()
@click.option("--user-id", "--user", "user_id", help="Those of this user, as the events have it.")
@click.option("--event", "event_ids", multiple=True, metavar="ID", help="This one; repeatable.")
@click.option("--keep-events", is_flag=True, help="Only what they keep of texts goes; the events stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def erase(
    client: Client, *, user_id: str | None, event_ids: tuple[str, ...], keep_events: bool, yes: bool, form: str
) -> None:
    """
    Delete the events of a user, or some events, whole and for good, as the law may want it.

    The keys of the texts they keep are destroyed: no backup and no sealed archive can be read any more. The trail says
    so, signed: archives are still proven. Archives in the clear, and what gateways have not sent yet, keep theirs. It
    needs a key that may shorten retention: of an admin, or narrowed to `retention:write`.

    \b
      kt events erase --user alice@example.com
      kt events erase --user alice@example.com --keep-events
      kt events erase --event evt_0193... --event evt_0194...
    """
    if (user_id is None) == (not event_ids):
        raise click.UsageError("give `--user`, or `--event`")
    asked = {"user_id": user_id} if user_id is not None else {"event_ids": list(event_ids)}
    whom = f"of `{user_id}`" if user_id is not None else "with these ids"
    if not yes:
        what = f"erase the texts of all events {whom}" if keep_events else f"delete all events {whom}"
        confirm(f"{what}? they do not come back")
    draft = {**asked, "keep_events": True} if keep_events else asked
    emit_one({**asked, **_erase(client, cast("ErasureDraft", draft))}, form)


def _erase(client: Client, draft: ErasureDraft) -> dict[str, object]:
    events, contents, more, checkpoint = 0, 0, True, 0
    while more:
        done = client.events.erase(draft)
        events, contents = events + done["erased_count"], contents + done["content_erased_count"]
        more, checkpoint = done["has_more"], done["checkpoint"]
    if not events + contents:
        say("there was none; `kt events tail --format json` shows how events name users")
    elif events and draft.get("keep_events"):
        say(f"{events} events went whole: older gateways hashed what they keep of texts with the rest")
    return {"erased_count": events, "content_erased_count": contents, "checkpoint": checkpoint}
