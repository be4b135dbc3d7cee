"""`kt config export`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import say

if TYPE_CHECKING:
    from keeptrusts.client import Client


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--terraform", "form", flag_value="terraform", required=True, help="As Terraform files.")
@with_client
def export(client: Client, /, folder: Path, form: str) -> None:
    """
    Write what there is into FOLDER: configurations, gateways, webhooks, stored secrets, keys and tokens.

    Each has an `import` block. FOLDER must be new or empty. `terraform apply` there imports everything and changes
    nothing; after it the `import` blocks can go. No secret is written. Prints the files.

    \b
      kt config export --terraform keeptrusts
      cd keeptrusts && terraform init && terraform apply
    """
    del form  # the only one so far; named all the same, so that the command says what it writes
    from keeptrusts.terraform.adopting import Holdings, files_for

    if folder.is_dir() and any(folder.iterdir()):
        raise stop(f"`{folder}` is not empty", "name a folder that is new", status=Exit.WRONG_INPUT, code="not_empty")
    holdings = Holdings(
        configurations=list(client.configurations.each()),
        gateways=list(client.gateways.each()),
        webhooks=list(client.webhooks.each()),
        variables=_readable("stored secrets", client.variables.each),
        keys=_readable("keys and tokens", client.tokens.each),
        own_key=client.whoami()["key_id"],
    )
    for name, text in files_for(holdings).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        click.echo(str(path))
    say("next: run `terraform init` and `terraform apply` there; the plan imports everything and changes nothing")


def _readable(what: str, each: Callable[[], Iterable[Any]]) -> list[Any]:
    """All of them; none, and a word about it, where this key may not read them."""
    from keeptrusts.core.errors import ApiError

    try:
        return list(each())
    except ApiError as error:
        if error.status != 403:
            raise
        say(f"left out: {what}; this key may not read them, an admin's may")
        return []
