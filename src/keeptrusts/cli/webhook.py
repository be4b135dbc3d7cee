"""`kt webhook`: who is told of what happens, and what was sent."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import emit, emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.webhooks import WebhookDraft
    from keeptrusts.client import Client

COLUMNS: Final = ("id", "url", "event_types", "active", "format", "disabled_reason")
DELIVERIES: Final = ("id", "event_type", "state", "attempts", "last_status", "last_error", "created_at")
LISTEN = Entry("keeptrusts.cli.webhook_listen:listen", "Receive webhooks here and verify their signatures.")


@click.group(cls=LazyGroup, entries={"listen": LISTEN})
def webhook() -> None:
    """Who is told of what happens, and what was sent."""


@webhook.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_webhooks(client: Client, form: str) -> None:
    """Every webhook, newest first."""
    emit(list(client.webhooks.each()), COLUMNS, form)


@webhook.command()
@click.option("--url", required=True, help="Where to: https, or http on loopback if the control plane allows it.")
@click.option("--event-type", "event_types", multiple=True, required=True,
              help="Such as event.blocked, event.* or *; repeatable.")  # fmt: skip
@click.option("--description", help="What it is for.")
@click.option(
    "--style", type=click.Choice(("standard", "slack", "cloudevents")), help="Of the body.  [default: as the URL tells]"
)
@click.option("--inactive", is_flag=True, help="Send nothing yet.")
@format_option("table", "json", "yaml")
@with_client
def create(
    client: Client,
    /,
    url: str,
    *,
    event_types: tuple[str, ...],
    description: str | None,
    style: str | None,
    inactive: bool,
    form: str,
) -> None:
    """
    Register a webhook. Its signing secret is made, and shown this once.

    \b
      kt webhook create --url https://example.com/hook --event-type event.blocked --event-type 'escalation.*'
    """
    given = {"url": url, "event_types": list(event_types), "description": description, "format": style}
    draft = {name: value for name, value in given.items() if value is not None} | {"active": not inactive}
    emit_one(client.webhooks.create(cast("WebhookDraft", draft)), form)
    say("this is the only time the secret is shown; the receiver verifies signatures with it")


@webhook.command()
@click.argument("webhook_id")
@format_option("table", "json", "yaml")
@with_client
def test(client: Client, webhook_id: str, form: str) -> None:
    """Send a `webhook.test` message. `kt webhook deliveries` shows how it went."""
    emit_one(client.webhooks.test(webhook_id), form)


@webhook.command()
@click.argument("webhook_id")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, the newest.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def deliveries(client: Client, webhook_id: str, limit: int, form: str) -> None:
    """What was sent, newest first, and how each went."""
    emit(list(islice(client.webhooks.deliveries(webhook_id), limit)), DELIVERIES, form)


@webhook.command()
@click.argument("webhook_id")
@click.argument("delivery_id")
@format_option("table", "json", "yaml")
@with_client
def redeliver(client: Client, webhook_id: str, delivery_id: str, form: str) -> None:
    """Send a message once more, under the same `webhook-id`."""
    emit_one(client.webhooks.redeliver(webhook_id, delivery_id), form)
