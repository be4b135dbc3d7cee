"""`kt config update`, `delete` and `simulate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from keeptrusts.api.simulations import MAX_SAMPLE, SAMPLE, WINDOW
from keeptrusts.cli.config import short, warn_of_terraform
from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.gateway import find_configuration, read_label
from keeptrusts.cli.output import confirm, emit, emit_gone, emit_one, emit_value, format_option, say

if TYPE_CHECKING:
    from keeptrusts.api.configurations import ConfigurationPatch
    from keeptrusts.api.simulations import Simulation
    from keeptrusts.client import Client

MOVES: Final = ("newly_blocked", "newly_escalated", "newly_redacted", "newly_allowed")


@click.command()
@click.argument("name_or_id")
@click.option("--name", help="Another name, unique in the organisation.")
@click.option("--description", help="What it is for; an empty text clears it.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="These instead of all it has; repeatable.")
@click.option("--no-labels", is_flag=True, help="Without any label.")
@format_option("table", "json", "yaml")
@with_client
def update(
    client: Client,
    /,
    name_or_id: str,
    *,
    name: str | None,
    description: str | None,
    labels: tuple[str, ...],
    no_labels: bool,
    form: str,
) -> None:
    """
    Change what is named, and nothing else. A new document is stored with `kt config push`.

    \b
      kt config update production-policy --description "all that faces customers" --label team=payments
    """
    if labels and no_labels:
        raise click.UsageError("`--label` and `--no-labels` exclude each other")
    patch: dict[str, object] = {} if name is None else {"name": name}
    patch |= {} if description is None else {"description": description or None}
    patch |= {"labels": dict(read_label(label) for label in labels)} if labels or no_labels else {}
    if not patch:
        raise click.UsageError("name what is to change: `--name`, `--description`, `--label`, `--no-labels`")
    now = client.configurations.fetch(find_configuration(client, name_or_id))
    warn_of_terraform(now.value["managed_by"], now.value["name"])
    after = client.configurations.update(now.value["id"], cast("ConfigurationPatch", patch), if_match=now.etag)
    emit_one(short({**after}), form)


@click.command()
@click.argument("name_or_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def delete(client: Client, name_or_id: str, *, yes: bool, form: str) -> None:
    """
    Delete a configuration that no gateway uses, with all its versions.

    \b
      kt config delete production-policy
    """
    now = client.configurations.fetch(find_configuration(client, name_or_id))
    found = now.value
    warn_of_terraform(found["managed_by"], found["name"])
    if not yes:
        told = f"delete configuration {found['name']} with its {found['version']} versions?"
        confirm(told)
    client.configurations.delete(found["id"], if_match=now.etag)
    gone = {"id": found["id"], "name": found["name"], "deleted": True}
    emit_gone(gone, f"deleted `{found['name']}`", form)


@click.command()
@click.argument("name_or_id")
@click.option("--file", "path", required=True, metavar="FILE", help="The document that might come; `-`: stdin.")
@click.option("--window", default=WINDOW, show_default=True, help="Decisions of the time before now, such as 24h, 7d.")
@click.option("--sample", type=click.IntRange(1, MAX_SAMPLE), default=SAMPLE, show_default=True,
              help="How many of them, the newest.")  # fmt: skip
@format_option("table", "json", "yaml")
@with_client
def simulate(client: Client, /, name_or_id: str, *, path: str, window: str, sample: int, form: str) -> None:
    """
    What a document would have changed about recorded decisions. Nothing is stored.

    The control plane judges the decisions of this configuration again; it can where their content was recorded.

    \b
      kt config simulate production-policy --file policy-config.yaml --window 7d

    Exit status: 0 no decision changes; 3 some do; 2 the file is not valid.
    """
    from keeptrusts.cli.documents import sound_text

    text = sound_text(path)
    identifier = find_configuration(client, name_or_id)
    found = client.configurations.simulate(identifier, text, window=window, sample=sample)
    moved = _moved(found)
    if form == "table":
        _tell(found, moved)
    else:
        emit_value(found, form)
    sys.exit(Exit.FOUND if any(one["count"] for one in moved) else 0)


def _moved(found: Simulation) -> list[dict[str, Any]]:
    told: dict[str, Any] = {**found}
    return [{"change": name, **told[name]} for name in MOVES]


def _tell(found: Simulation, moved: list[dict[str, Any]]) -> None:
    say(f"{found['replayed']} of {found['events']} decisions judged again, {found['unchanged']} of them unchanged")
    for one in found["not_replayed"]:
        say(f"not judged again: {one['count']}: {one['description']}")
    emit([one for one in moved if one["count"]], ("change", "count", "reason_codes", "sample_event_ids"), "table")
