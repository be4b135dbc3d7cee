"""`kt gateway config` and `kt gateway diff`: the document that a gateway is to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.gateway import find_gateway
from keeptrusts.cli.gateway_status import heard_of
from keeptrusts.cli.output import emit_value, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.configurations import ConfigurationVersion
    from keeptrusts.api.gateways import Gateway
    from keeptrusts.client import Client


@click.command()
@click.argument("name_or_id")
@format_option("text", "json", "yaml")
@with_client
def config(client: Client, name_or_id: str, form: str) -> None:
    """
    The policy document that a gateway is to run, as it was written.

    `kt gateway status` tells whether its processes run it.

    \b
      kt gateway config edge > policy-config.yaml
      kt gateway config edge --json
    """
    found = find_gateway(client, name_or_id)
    version = desired_version(client, found)
    if form == "text":
        click.echo(version["policy_yaml"], nl=not version["policy_yaml"].endswith("\n"))
        return
    told = {
        "gateway_id": found["id"],
        "configuration_id": found["configuration_id"],
        "configuration_version": version["version"],
        "content_digest": version["content_digest"],
        "policy_yaml": version["policy_yaml"],
    }
    emit_value(told, form)


@click.command()
@click.argument("name_or_id")
@click.option("--file", "path", required=True, metavar="FILE", help="Policy document; `-`: stdin.")
@format_option("text", "json")
@with_client
def diff(client: Client, name_or_id: str, *, path: str, form: str) -> None:
    """
    What a file would change for a gateway, by meaning: each change, and whether it strengthens or weakens.

    The other side is the document that the gateway is to run.

    \b
      kt gateway diff edge --file policy-config.yaml

    Exit status: 0 they mean the same; 3 they differ; 2 the file is not valid.
    """
    from keeptrusts.cli.documents import sound_text
    from keeptrusts.cli.policy_diff import tell

    text = sound_text(path)
    found = find_gateway(client, name_or_id)
    version = desired_version(client, found)
    instances = heard_of(found)
    behind = sum(one["active_digest"] != found["desired_digest"] for one in instances)
    if behind:
        say(f"warning: {behind} of {len(instances)} instances do not run that document yet")
    tell(version["policy_yaml"], text, form)


def desired_version(client: Client, gateway: Gateway) -> ConfigurationVersion:
    """
    What the gateway is to run.

    Raises:
        Failure: It has no configuration.
    """
    identifier, number = gateway["configuration_id"], gateway["configuration_version"]
    if identifier is None:
        raise stop(f"gateway `{gateway['name']}` has no configuration", "give it one: `kt gateway create "
                   "--configuration`, or `configuration_id` of the gateway", status=Exit.WRONG_INPUT,
                   code="no_configuration")  # fmt: skip
    newest = number or client.configurations.get(identifier)["version"]
    return client.configurations.version(identifier, newest)
