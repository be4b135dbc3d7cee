"""`kt webhook`: who is told of what happens, and what was sent."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.gateway import read_label
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import confirm, emit, emit_gone, emit_one, format_option, say
from keeptrusts.cli.secret import from_environment

if TYPE_CHECKING:
    from keeptrusts.api.webhooks import WebhookDraft, WebhookPatch
    from keeptrusts.client import Client

COLUMNS: Final = ("id", "url", "event_types", "active", "format", "disabled_reason")
DELIVERIES: Final = ("id", "event_type", "state", "attempts", "last_status", "last_error", "created_at")
_HEADERS = click.option("--header-env", "headers", multiple=True, metavar="NAME=VARIABLE",
                        help="Send this header with what the variable of the environment holds; repeatable, and "
                        "these instead of all it has.")  # fmt: skip
LISTEN = Entry("keeptrusts.cli.webhook_listen:listen", "Receive webhooks here and verify their signatures.")


@click.group(cls=LazyGroup, entries={"listen": LISTEN})
def webhook() -> None:
    """Who is told of what happens, and what was sent."""


@webhook.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_webhooks(client: Client, form: str) -> None:
    """
    Every webhook, newest first.

    \b
      kt webhook list --json
    """
    emit(list(client.webhooks.each()), COLUMNS, form)


@webhook.command()
@click.argument("webhook_id")
@format_option("table", "json", "yaml")
@with_client
def show(client: Client, webhook_id: str, form: str) -> None:
    """
    One webhook, without its secret and without the values of its headers.

    \b
      kt webhook show wh_0193...
    """
    emit_one(client.webhooks.get(webhook_id), form)


@webhook.command()
@click.option("--url", required=True, help="Where to: https, or http on loopback if the control plane allows it.")
@click.option("--event-type", "event_types", multiple=True, required=True,
              help="Such as event.blocked, event.* or *; repeatable.")  # fmt: skip
@click.option("--description", help="What it is for.")
@click.option(
    "--style", type=click.Choice(("standard", "slack", "cloudevents")), help="Of the body.  [default: as the URL tells]"
)
@click.option("--inactive", is_flag=True, help="Send nothing yet.")
@_HEADERS
@click.option("--secret-env", metavar="VARIABLE", help="Sign with what this variable of the environment holds.")
@format_option("table", "json", "yaml")
@with_client
def create(client: Client, /, *, style: str | None, inactive: bool, headers: tuple[str, ...], form: str,
           secret_env: str | None, **given: object) -> None:  # fmt: skip
    """
    Register a webhook. Its signing secret is made, and shown this once, unless `--secret-env` names one.

    What is secret is no argument: others would see it.

    \b
      kt webhook create --url https://example.com/hook --event-type event.blocked --event-type 'escalation.*'
      kt webhook create --url https://example.com/hook --event-type '*' --header-env Authorization=HOOK_AUTH
    """
    given |= {"format": style, "event_types": list(cast("tuple[str, ...]", given["event_types"]))}
    given |= {"headers": _headers(headers), "secret": from_environment(secret_env) if secret_env else None}
    draft = {name: value for name, value in given.items() if value is not None} | {"active": not inactive}
    emit_one(client.webhooks.create(cast("WebhookDraft", draft)), form)
    if secret_env is None:
        say("this is the only time the secret is shown; the receiver verifies signatures with it")


@webhook.command()
@click.argument("webhook_id")
@click.option("--url", help="Where to.")
@click.option("--event-type", "event_types", multiple=True, help="These instead of those it has; repeatable.")
@click.option("--description", help="What it is for; an empty text clears it.")
@click.option("--style", type=click.Choice(("standard", "slack", "cloudevents")), help="Of the body.")
@click.option("--active/--inactive", default=None, help="Go on, or send nothing.")
@_HEADERS
@click.option("--no-headers", is_flag=True, help="Without any header of its own.")
@format_option("table", "json", "yaml")
@with_client
def update(client: Client, /, webhook_id: str, *, event_types: tuple[str, ...], style: str | None, form: str,
           headers: tuple[str, ...], no_headers: bool, **given: object) -> None:  # fmt: skip
    """
    Change what is named, and nothing else. `--active` also takes up one that was disabled because its endpoint failed.

    \b
      kt webhook update wh_0193... --event-type 'event.*' --event-type 'escalation.*'
      kt webhook update wh_0193... --active
    """
    given |= {"format": style, "event_types": list(event_types) or None, "headers": _headers(headers)}
    patch = {name: value for name, value in given.items() if value is not None}
    if no_headers:
        if headers:
            raise click.UsageError("`--header-env` and `--no-headers` exclude each other")
        patch["headers"] = None
    if not patch:
        raise click.UsageError(
            "name what is to change: `--url`, `--event-type`, `--description`, `--style`, `--active`, `--header-env`"
        )
    if patch.get("description") == "":
        patch["description"] = None
    now = client.webhooks.fetch(webhook_id)
    emit_one(client.webhooks.update(webhook_id, cast("WebhookPatch", patch), if_match=now.etag), form)


@webhook.command()
@click.argument("webhook_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def delete(client: Client, webhook_id: str, *, yes: bool, form: str) -> None:
    """
    Delete a webhook with what waits to be delivered to it.

    \b
      kt webhook delete wh_0193...
    """
    if not yes:
        url = client.webhooks.get(webhook_id)["url"]
        confirm(f"delete the webhook to {url}? what waits for it is not delivered")
    client.webhooks.delete(webhook_id)
    emit_gone({"id": webhook_id, "deleted": True}, f"deleted `{webhook_id}`", form)


@webhook.command("rotate-secret")
@click.argument("webhook_id")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the new secret from standard input; else one is made.")
@format_option("table", "json", "yaml")
@with_client
def rotate_secret(client: Client, webhook_id: str, *, from_stdin: bool, form: str) -> None:
    """
    A new signing secret. For 24 h every message is signed by the old one, too: change the receiver in that time.

    \b
      kt webhook rotate-secret wh_0193... --json
    """
    secret = sys.stdin.read().strip() if from_stdin else None
    emit_one(client.webhooks.rotate_secret(webhook_id, secret=secret), form)
    if secret is None:
        say("this is the only time the secret is shown; give it to the receiver before the old one ends")


@webhook.command()
@click.argument("webhook_id")
@format_option("table", "json", "yaml")
@with_client
def test(client: Client, webhook_id: str, form: str) -> None:
    """
    Send a `webhook.test` message. `kt webhook deliveries` shows how it went.

    \b
      kt webhook test wh_0193...
    """
    emit_one(client.webhooks.test(webhook_id), form)


@webhook.command()
@click.argument("webhook_id")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, the newest.")
@click.option("--state", type=click.Choice(("pending", "delivered", "dead")), help="Only these.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def deliveries(client: Client, webhook_id: str, limit: int, state: str | None, form: str) -> None:
    """
    What was sent, newest first, and how each went.

    \b
      kt webhook deliveries wh_0193... --state dead
    """
    emit(list(islice(client.webhooks.deliveries(webhook_id, state=state), limit)), DELIVERIES, form)


@webhook.command()
@click.argument("webhook_id")
@click.argument("delivery_id")
@format_option("table", "json", "yaml")
@with_client
def redeliver(client: Client, webhook_id: str, delivery_id: str, form: str) -> None:
    """
    Send a message once more, under the same `webhook-id`.

    \b
      kt webhook redeliver wh_0193... dlv_0193...
    """
    emit_one(client.webhooks.redeliver(webhook_id, delivery_id), form)


def _headers(given: tuple[str, ...]) -> dict[str, str] | None:
    """Each header with its value of the environment; None: none is named."""
    pairs = [read_label(one) for one in given]
    return {name: from_environment(variable) for name, variable in pairs} or None
