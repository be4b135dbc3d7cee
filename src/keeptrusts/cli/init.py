"""`kt init`."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.files import write_whole
from keeptrusts.cli.output import say
from keeptrusts.cli.templates import STARTER, summary, template_files, templates

LEFT_BY_TERRAFORM: Final = (".terraform", ".tfstate", ".tfplan", "crash.log")


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--template",
    metavar="NAME",
    default=STARTER,
    show_default=True,
    help="Which policy to begin with; `list` shows them.",
)
@click.option("--terraform", is_flag=True, help="Also a module and an environment each for dev, staging, production.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(folder: Path, template: str, terraform: bool, force: bool) -> None:
    """
    Write a first policy that is valid as it stands, its tests, and Terraform files if you like.

    \b
      kt init
      kt init --template list
      kt init clinic --template healthcare
      kt init governance --terraform

    Exit status: 2 when a file is there already; nothing is written then.
    """
    if template == "list":
        for name in templates():
            click.echo(f"{click.style(name.ljust(16), bold=True)}{summary(name)}")
        return
    wanted = {folder / path: (text, 0o644) for path, text in template_files(template).items()}
    if terraform:
        wanted |= {folder / "terraform" / path: content for path, content in kit()}
    there = [path for path in wanted if path.exists()]
    if there and not force:
        raise stop(
            f"{', '.join(f'`{path}`' for path in there[:5])}{' and more' if len(there) > 5 else ''} is there already",
            "choose another folder, or overwrite with `--force`",
            status=Exit.WRONG_INPUT,
            code="exists",
        )
    for path, (text, mode) in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, mode)
        click.echo(path)
    say(f"next: kt policy test --dir {folder}; then kt gateway run --policy-config {folder / 'policy-config.yaml'}")
    if terraform:
        say(f"then: kt terraform install; cd {folder / 'terraform/environments/dev'}; terraform init")


def kit() -> Iterator[tuple[Path, tuple[str, int]]]:
    """The Terraform files with their modes: in the installed package, or where a checkout has them."""
    packed = Path(str(files("keeptrusts.cli"))) / "kit"
    root = packed if packed.is_dir() else Path(__file__).parents[3] / "deploy" / "terraform"
    for path in sorted(root.rglob("*")):
        if path.is_file() and not any(
            mark in part for part in path.relative_to(root).parts for mark in LEFT_BY_TERRAFORM
        ):
            yield path.relative_to(root), (path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode) | 0o600)
