"""`kt gateway reload`, `pin` and `unpin`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import DURATION
from keeptrusts.cli.failure import stop
from keeptrusts.cli.gateway import find_gateway
from keeptrusts.cli.gateway_status import heard_of, summary
from keeptrusts.cli.output import emit_one, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.gateways import Gateway, GatewayAction
    from keeptrusts.client import Client

POLL_S: Final = 0.5

_WAIT = click.option("--wait", is_flag=True, help="Wait until every instance that is heard of has done it.")
_TIMEOUT = click.option("--timeout", type=DURATION, default="2m", show_default=True, help="Longest wait.")


@click.command()
@click.argument("name_or_id")
@_WAIT
@_TIMEOUT
@format_option("table", "json", "yaml")
@with_client
def reload(client: Client, name_or_id: str, *, wait: bool, timeout: int, form: str) -> None:
    """
    Have every process of a gateway fetch, verify and activate its document and stored secrets once more.

    Requests that are under way finish on what they began with. A document that is not fit leaves the one in force.

    \b
      kt gateway reload edge --wait

    Exit status: 0 done; 1 with `--wait`, an instance did not do it in time.
    """
    _act(client, name_or_id, {"action": "reload"}, form, timeout if wait else 0)


@click.command()
@click.argument("name_or_id")
@click.option("--version", type=click.IntRange(1), help="Of its configuration.  [default: the one it is to run now]")
@_WAIT
@_TIMEOUT
@format_option("table", "json", "yaml")
@with_client
def pin(client: Client, /, name_or_id: str, *, version: int | None, wait: bool, timeout: int, form: str) -> None:
    """
    Keep a gateway at one version of its configuration, whatever comes after it.

    \b
      kt gateway pin edge --version 3 --wait
    """
    wanted = {"action": "pin", "configuration_version": version}
    _act(client, name_or_id, wanted, form, timeout if wait else 0)


@click.command()
@click.argument("name_or_id")
@_WAIT
@_TIMEOUT
@format_option("table", "json", "yaml")
@with_client
def unpin(client: Client, name_or_id: str, *, wait: bool, timeout: int, form: str) -> None:
    """
    Have a gateway follow the latest version of its configuration again.

    \b
      kt gateway unpin edge --wait
    """
    _act(client, name_or_id, {"action": "unpin"}, form, timeout if wait else 0)


@click.command()
@click.argument("name_or_id")
@_WAIT
@_TIMEOUT
@format_option("table", "json", "yaml")
@with_client
def promote(client: Client, name_or_id: str, *, wait: bool, timeout: int, form: str) -> None:
    """
    Have every instance run what the canary runs.

    \b
      kt gateway update edge --canary 10
      kt config push --file policy-config.yaml --name production-policy
      kt gateway promote edge --wait
    """
    _act(client, name_or_id, {"action": "promote"}, form, timeout if wait else 0)


def _act(client: Client, name_or_id: str, wanted: Mapping[str, object], form: str, seconds: int) -> None:
    draft = {name: value for name, value in wanted.items() if value is not None}
    after = client.gateways.act(find_gateway(client, name_or_id)["id"], cast("GatewayAction", draft))
    awaited = heard_of(after)
    if seconds and awaited:
        after = _done(client, after, seconds)
    emit_one(summary(after), form)
    if not awaited:
        say("no instance is heard of; the next to start does it")
    elif not seconds:
        say(f"an instance has done it when `kt gateway status {after['name']}` shows epoch {after['epoch']} or more")


def _done(client: Client, asked: Gateway, seconds: int) -> Gateway:
    """
    The gateway once all its instances that are heard of have the epoch of `asked`.

    Raises:
        Failure: They have not, in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        now = client.gateways.get(asked["id"])
        instances = heard_of(now)
        behind = [one for one in instances if (one["epoch"] or 0) < asked["epoch"]]
        if instances and not behind:
            return now
        if time.monotonic() > deadline:
            told = ", ".join(f"{one['instance_id']} ({one['last_error'] or one['state']})" for one in behind)
            raise stop(f"not done after {seconds} s: {told or 'no instance is heard of any more'}",
                       f"`kt gateway status {asked['name']}` shows how each is", code="timeout")  # fmt: skip
        time.sleep(POLL_S)
