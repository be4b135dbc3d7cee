"""`kt gateway update` and `kt gateway delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.gateway import find_configuration, find_gateway, read_label
from keeptrusts.cli.gateway_status import heard_of
from keeptrusts.cli.output import confirm, emit_gone, emit_one, format_option

if TYPE_CHECKING:
    from keeptrusts.api.gateways import GatewayPatch
    from keeptrusts.client import Client

_CLEARED: Final = ("description", "environment")


@click.command()
@click.argument("name_or_id")
@click.option("--name", help="Another name, unique in the organisation.")
@click.option("--description", help="What it is for; an empty text clears it.")
@click.option("--environment", help="Such as production; an empty text clears it.")
@click.option("--configuration", help="Name or id of another one to follow; an empty text: none, it refuses traffic.")
@click.option("--configuration-version", type=click.IntRange(1), help="Stay at this version.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="These instead of all it has; repeatable.")
@click.option("--no-labels", is_flag=True, help="Without any label.")
@click.option("--fail-mode", type=click.Choice(("block", "allow")), help="When a policy breaks.")
@click.option("--canary", type=click.IntRange(1, 100), metavar="PERCENT",
              help="A new version goes to this share of the instances first, until `kt gateway promote`.")  # fmt: skip
@click.option("--no-canary", is_flag=True, help="A new version goes to all instances at once.")
@format_option("table", "json", "yaml")
@with_client
def update(client: Client, /, name_or_id: str, form: str, **given: object) -> None:
    """
    Change what is named, and nothing else.

    Another configuration is followed from its latest version on, unless `--configuration-version` says which.
    `kt gateway unpin` follows the latest version again.

    \b
      kt gateway update edge --environment production --label team=payments
      kt gateway update edge --configuration production-policy
      kt gateway update edge --canary 10
    """
    patch = _patch(client, given)
    if not patch:
        raise click.UsageError("name what is to change, such as `--environment` or `--configuration`")
    now = client.gateways.fetch(find_gateway(client, name_or_id)["id"])
    after = client.gateways.update(now.value["id"], cast("GatewayPatch", patch), if_match=now.etag)
    emit_one({name: value for name, value in after.items() if form != "table" or name != "instances"}, form)


@click.command()
@click.argument("name_or_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def delete(client: Client, name_or_id: str, *, yes: bool, form: str) -> None:
    """
    Delete a gateway and revoke its tokens. Its events stay.

    Processes that run it are refused from then on: stop them first.

    \b
      kt gateway delete edge
    """
    now = client.gateways.fetch(find_gateway(client, name_or_id)["id"])
    if not yes:
        running = len(heard_of(now.value))
        told = f"delete gateway {now.value['name']}? {running} instances run it; its tokens are revoked at once"
        confirm(told)
    client.gateways.delete(now.value["id"], if_match=now.etag)
    gone = {"id": now.value["id"], "name": now.value["name"], "deleted": True}
    emit_gone(gone, f"deleted `{now.value['name']}`", form)


def _patch(client: Client, given: dict[str, object]) -> dict[str, object]:
    """The fields that change; None clears one."""
    plain = ("name", *_CLEARED, "configuration_version", "fail_mode")
    patch = {name: given[name] for name in plain if given[name] is not None}
    patch |= {name: None for name in _CLEARED if patch.get(name) == ""}
    labels = cast("tuple[str, ...]", given["labels"])
    if labels and given["no_labels"]:
        raise click.UsageError("`--label` and `--no-labels` exclude each other")
    if labels or given["no_labels"]:
        patch["labels"] = dict(read_label(label) for label in labels)
    if given["canary"] is not None and given["no_canary"]:
        raise click.UsageError("`--canary` and `--no-canary` exclude each other")
    if given["canary"] is not None:
        patch["deployment"] = {"strategy": "canary", "percent": given["canary"]}
    elif given["no_canary"]:
        patch["deployment"] = {"strategy": "all"}
    configuration = cast("str | None", given["configuration"])
    if configuration is not None:
        patch["configuration_id"] = find_configuration(client, configuration) if configuration else None
        # the number of a version means nothing in another configuration
        patch.setdefault("configuration_version", None)
    return patch
