"""`kt secret`: secrets that the control plane keeps for gateways."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import confirm, emit, emit_gone, emit_one, format_option

if TYPE_CHECKING:
    from keeptrusts.api.variables import Variable, VariableDraft, VariablePatch
    from keeptrusts.client import Client

COLUMNS: Final = ("name", "version", "description", "updated_at", "id")


@click.group()
def secret() -> None:
    """Secrets that the control plane keeps for gateways; nobody reads them back."""


@secret.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_secrets(client: Client, form: str) -> None:
    """
    Every secret by name, without its value, newest first.

    \b
      kt secret list --json
    """
    emit(list(client.variables.each()), COLUMNS, form)


@secret.command("set")
@click.argument("name")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value from standard input.")
@click.option("--env-var", metavar="VARIABLE", help="Take the value of this variable of the environment.")
@click.option("--description", help="What it is for; an empty text clears it.")
@click.option("--allow-host", "hosts", multiple=True, metavar="HOST", help="Where it may be sent; may be repeated.")
@click.option("--known-hosts", is_flag=True, help="Send it to hosts of known providers alone, from now on.")
@format_option("table", "json", "yaml")
@with_client
def set_secret(client: Client, /, name: str, *, from_stdin: bool, env_var: str | None, form: str, **about: Any) -> None:
    """
    Hand in a secret, or its new value. The value is never an argument: others would see it.

    A policy document names it as `secret_key_ref: {store: NAME}`; gateways that run take up a new value within seconds.
    It is sent to hosts of known providers alone, or to those named with `--allow-host`: `HOST`, or `HOST:PORT`.
    Of a secret that is there already, description and hosts can be changed alone, without its value.

    \b
      kt secret set openai-key --env-var OPENAI_API_KEY
      pass show openai | kt secret set openai-key --stdin
      kt secret set azure-key --env-var AZURE_KEY --allow-host mine.openai.azure.com
    """
    told = _about(**about)
    known = _find(client, name)
    if not (known is not None and told and not from_stdin and env_var is None):
        told["value"] = _value(env_var, from_stdin=from_stdin)
    if known is None:
        emit_one(client.variables.create(cast("VariableDraft", {"name": name, **told})), form)
        return
    now = client.variables.fetch(known["id"])
    emit_one(client.variables.update(known["id"], cast("VariablePatch", told), if_match=now.etag), form)


@secret.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def delete(client: Client, name: str, *, yes: bool, form: str) -> None:
    """
    Delete a secret. Targets that take their key from it are unavailable from then on.

    \b
      kt secret delete openai-key
    """
    known = _find(client, name)
    if known is None:
        raise stop(f"there is no secret `{name}`", "`kt secret list` shows those there are",
                   status=Exit.WRONG_INPUT, code="not_found")  # fmt: skip
    if not yes:
        confirm(f"delete `{name}`? targets that use it become unavailable")
    client.variables.delete(known["id"])
    emit_gone({"id": known["id"], "name": name, "deleted": True}, f"deleted `{name}`", form)


def _find(client: Client, name: str) -> Variable | None:
    return next((one for one in client.variables.each({"name": name}) if one["name"] == name), None)


def from_environment(variable: str) -> str:
    """
    What a variable of the environment holds.

    Raises:
        Failure: It is not set, or empty.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise stop(f"there is no value in `{variable}`", "set it, and export it",
                   status=Exit.WRONG_INPUT, code="no_value")  # fmt: skip
    return value


def _about(description: str | None, hosts: tuple[str, ...], *, known_hosts: bool) -> dict[str, Any]:
    if hosts and known_hosts:
        raise click.UsageError("`--allow-host` and `--known-hosts` exclude each other")
    told: dict[str, Any] = {} if description is None else {"description": description or None}
    return told | ({"allowed_hosts": list(hosts) or None} if hosts or known_hosts else {})


def _value(env_var: str | None, *, from_stdin: bool) -> str:
    if from_stdin == (env_var is not None):
        raise click.UsageError("give one of `--stdin` and `--env-var`")
    if env_var is not None:
        return from_environment(env_var)
    value = sys.stdin.read().strip()
    if not value:
        raise stop("there is no value in standard input", status=Exit.WRONG_INPUT, code="no_value")
    return value
