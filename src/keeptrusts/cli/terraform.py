"""`kt terraform`: the provider comes with `kt`; these put it where Terraform finds it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from keeptrusts.cli.failure import stop
from keeptrusts.cli.lazy import Entry, LazyGroup

Result = TypeVar("Result")

NEXT = """\
Next: in a folder with

  terraform {
    required_providers {
      keeptrusts = { source = "keeptrusts/keeptrusts", version = "~> 1.0" }
    }
  }

run `terraform init`, and give the provider KEEPTRUSTS_API_URL and KEEPTRUSTS_API_TOKEN."""


DRIFT = Entry("keeptrusts.cli.terraform_drift:drift", "What is no longer as a folder declares it.")


@click.group(cls=LazyGroup, entries={"drift": DRIFT})
def terraform() -> None:
    """The Terraform provider keeptrusts/keeptrusts."""


@terraform.command()
@click.option(
    "--plugin-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Plugin folder instead of ~/.terraform.d/plugins, for `terraform init -plugin-dir`.",
)
def install(plugin_dir: Path | None) -> None:
    """
    Put the provider where plain `terraform init` looks.

    Prints the folder. Doing it again changes nothing. Exit status: 0 done, 1 failed.
    """
    from keeptrusts.terraform.install import hidden_by, implied_mirror, interpreter_fault
    from keeptrusts.terraform.install import install as put

    target, changed = _or_fail(lambda: put(plugin_dir or implied_mirror(Path.home())))
    click.echo(str(target))
    click.echo("installed" if changed else "it was there already", err=True)
    if plugin_dir is None and (config := hidden_by(os.environ, Path.home())):
        click.echo(
            f"warning: `{config}` has a `provider_installation` block, so Terraform looks only where that says; "
            f'add `filesystem_mirror {{ path = "{implied_mirror(Path.home())}" }}` to it',
            err=True,
        )
    if fault := interpreter_fault():
        click.echo(f"warning: {fault}", err=True)
    click.echo(NEXT, err=True)


@terraform.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def mirror(folder: Path) -> None:
    """
    Write a filesystem mirror of the provider into FOLDER, for all platforms.

    Name it in a `filesystem_mirror` block of Terraform's CLI configuration, or copy it to a server. Prints the
    archives.
    Exit status: 0 done, 1 failed.
    """
    from keeptrusts.terraform.install import mirror as write

    for path in _or_fail(lambda: write(folder)):
        click.echo(str(path))


@terraform.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def docs(folder: Path) -> None:
    """
    Write the reference pages into FOLDER, as the Terraform registry lays them out.

    Prints the pages.
    Exit status: 0 done, 1 failed.
    """
    from keeptrusts.terraform.pages import write

    for path in _or_fail(lambda: write(folder)):
        click.echo(str(path))


def _or_fail(write: Callable[[], Result]) -> Result:
    try:
        return write()
    except OSError as error:
        raise stop(f"cannot write `{error.filename}`: {error.strerror}", "choose a folder that you may write") from None
