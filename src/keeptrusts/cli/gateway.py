"""`kt gateway`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import DURATION
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import confirm, emit, emit_gone, emit_one, format_option, say, table

if TYPE_CHECKING:
    from keeptrusts.api.gateways import Gateway, GatewayDraft, GatewayTokenDraft
    from keeptrusts.client import Client

COLUMNS = ("id", "name", "environment", "status", "configuration_id", "configuration_version")
ENTRIES: Final = {
    "run": Entry("keeptrusts.cli.gateway_run:run", "Run a gateway."),
    "config": Entry("keeptrusts.cli.gateway_document:config", "The policy document that a gateway is to run."),
    "diff": Entry("keeptrusts.cli.gateway_document:diff", "What a file would change for a gateway, by meaning."),
    "status": Entry("keeptrusts.cli.gateway_status:status", "Whether gateways run what they should."),
    "promote": Entry("keeptrusts.cli.gateway_actions:promote", "Have every instance run what the canary runs."),
    "reload": Entry("keeptrusts.cli.gateway_actions:reload", "Have a gateway load its document once more."),
    "pin": Entry("keeptrusts.cli.gateway_actions:pin", "Keep a gateway at one version."),
    "unpin": Entry("keeptrusts.cli.gateway_actions:unpin", "Have a gateway follow the latest version again."),
    "update": Entry("keeptrusts.cli.gateway_change:update", "Change what is named of a gateway, and nothing else."),
    "delete": Entry("keeptrusts.cli.gateway_change:delete", "Delete a gateway and revoke its tokens."),
}


@click.group(cls=LazyGroup, entries=ENTRIES)
def gateway() -> None:
    """Run gateways and manage them."""


@gateway.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_gateways(client: Client, form: str) -> None:
    """
    Every gateway, newest first.

    \b
      kt gateway list --format csv
    """
    emit(list(client.gateways.each()), COLUMNS, form)


@gateway.command()
@click.option("--name", required=True, help="Unique in the organisation.")
@click.option("--description", help="What it is for.")
@click.option("--environment", help="Such as production.")
@click.option("--configuration", help="Name or id of the configuration it follows.")
@click.option("--configuration-version", type=click.IntRange(1), help="Stay at this version.  [default: the latest]")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--fail-mode", type=click.Choice(("block", "allow")), help="When a policy breaks.  [default: block]")
@format_option("table", "json", "yaml")
@with_client
def create(
    client: Client, /, form: str, *, configuration: str | None, labels: tuple[str, ...], **given: object
) -> None:
    """
    Register a gateway. `kt gateway token create` then makes the credential it runs with.

    \b
      kt gateway create --name edge --environment production --configuration production-policy
    """
    draft = {name: value for name, value in given.items() if value is not None}
    draft["labels"] = dict(read_label(label) for label in labels)
    if configuration:
        draft["configuration_id"] = find_configuration(client, configuration)
    emit_one(client.gateways.create(cast("GatewayDraft", draft)), form)


@gateway.command()
@click.argument("name_or_id")
@format_option("table", "json", "yaml")
@with_client
def show(client: Client, name_or_id: str, form: str) -> None:
    """
    One gateway, with the processes that run it and what each has active.

    \b
      kt gateway show edge --json
    """
    found = find_gateway(client, name_or_id)
    if form != "table":
        emit_one(found, form)
        return
    emit_one({name: value for name, value in found.items() if name != "instances"}, form)
    columns = ("instance_id", "state", "version", "desired_digest", "active_digest", "last_seen_at", "last_error")
    for line in table(cast("list[Mapping[str, object]]", found["instances"]), columns, width=None):
        click.echo(line)


@gateway.group()
def token() -> None:
    """Credentials of gateways."""


@token.command("create")
@click.argument("name_or_id")
@click.option("--name", help="What it is for.")
@click.option("--expires-in", type=DURATION, help="Such as 90d.  [default: never]")
@format_option("table", "json", "yaml")
@with_client
def create_token(client: Client, name_or_id: str, *, name: str | None, expires_in: int | None, form: str) -> None:
    """
    Make a credential for a gateway. It is shown this once; several may live at a time.

    It opens the stored secrets that the gateway's document names, so it needs a key that may hand out keys: of an
    admin, or narrowed to `tokens:write`.

    \b
      kt gateway token create edge --json
    """
    given: Mapping[str, object] = {"name": name, "expires_in": expires_in}
    draft = {key: value for key, value in given.items() if value is not None}
    found = find_gateway(client, name_or_id)
    emit_one(client.gateways.create_token(found["id"], cast("GatewayTokenDraft", draft)), form)
    say("this is the only time the token is shown; the gateway takes it from `KEEPTRUSTS_GATEWAY_TOKEN`")


@token.command("list")
@click.argument("name_or_id")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_tokens(client: Client, name_or_id: str, form: str) -> None:
    """
    The credentials of a gateway, newest first, without their secrets; revoked ones too.

    \b
      kt gateway token list edge
    """
    from keeptrusts.cli.token import emit_keys

    emit_keys(list(client.gateways.tokens(find_gateway(client, name_or_id)["id"])), form)


@token.command("revoke")
@click.argument("name_or_id")
@click.argument("token_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def revoke_token(client: Client, name_or_id: str, token_id: str, *, yes: bool, form: str) -> None:
    """
    From now on, refuse a credential of a gateway.

    \b
      kt gateway token revoke edge key_0193...
    """
    found = find_gateway(client, name_or_id)
    if not yes:
        confirm(f"revoke `{token_id}`? processes that use it are shut out at once")
    client.gateways.revoke_token(found["id"], token_id)
    gone = {"id": token_id, "gateway_id": found["id"], "revoked": True}
    emit_gone(gone, f"revoked `{token_id}`", form)


def find_gateway(client: Client, name_or_id: str) -> Gateway:
    """
    The gateway of this name, else of this id.

    Raises:
        Failure: There is none.
    """
    from keeptrusts.core.ids import GATEWAY, is_id

    if is_id(name_or_id, GATEWAY):
        return client.gateways.get(name_or_id)
    found = client.gateways.find(name_or_id)
    if found is None:
        raise stop(f"there is no gateway `{name_or_id}`", _known(one["name"] for one in client.gateways.each()),
                   status=Exit.WRONG_INPUT, code="not_found")  # fmt: skip
    return found


def find_configuration(client: Client, name_or_id: str) -> str:
    """
    The id of the configuration of this name, or the id itself.

    Raises:
        Failure: There is none.
    """
    from keeptrusts.core.ids import CONFIGURATION, is_id

    if is_id(name_or_id, CONFIGURATION):
        return name_or_id
    found = client.configurations.find(name_or_id)
    if found is None:
        raise stop(f"there is no configuration `{name_or_id}`",
                   _known(one["name"] for one in client.configurations.each()),
                   status=Exit.WRONG_INPUT, code="not_found")  # fmt: skip
    return found["id"]


def read_label(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.BadParameter(f"`{text}` is not KEY=VALUE")
    return key, value


def _known(names: Iterator[str]) -> str:
    listed = sorted(names)[:20]
    return (
        f"use one of {', '.join(f'`{name}`' for name in listed)}" if listed else "there are none yet; create one first"
    )
