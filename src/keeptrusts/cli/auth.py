"""`kt auth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.output import emit_one, format_option

if TYPE_CHECKING:
    from keeptrusts.client import Client


@click.group()
def auth() -> None:
    """Who you are to the control plane."""


@auth.command()
@format_option("table", "json", "yaml")
@with_client
def whoami(client: Client, form: str) -> None:
    """
    The key in use: its name, role, scopes and expiry.

    Exit status: 4 when the key is missing, unknown, expired or revoked.
    """
    emit_one(client.whoami(), form)
