"""`kt config`: the settings of `kt`, and the configurations of the control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import make_client, with_client, with_settings
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.gateway import find_configuration
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import confirm, emit, emit_one, format_option, say
from keeptrusts.cli.settings import Settings

if TYPE_CHECKING:
    from keeptrusts.api.configurations import ConfigurationDraft, ConfigurationPatch
    from keeptrusts.client import Client

COLUMNS: Final = ("id", "name", "version", "policy_kinds", "managed_by", "updated_at")
VERSIONS: Final = ("version", "content_digest", "author", "message", "created_at")
ENTRIES: Final = {
    "export": Entry("keeptrusts.cli.config_export:export", "Write Terraform files for what there is."),
    "update": Entry("keeptrusts.cli.config_change:update", "Change name, description or labels."),
    "delete": Entry("keeptrusts.cli.config_change:delete", "Delete a configuration that no gateway uses."),
    "simulate": Entry("keeptrusts.cli.config_change:simulate", "What a document would change of recorded decisions."),
}


@click.group(cls=LazyGroup, entries=ENTRIES)
def config() -> None:
    """Configurations of the control plane; and the settings of `kt`, with `show`."""


@config.command()
@click.argument("name_or_id", required=False)
@click.option("--version", type=click.IntRange(1), help="An earlier version of the configuration.")
@click.option("--policy", is_flag=True, help="Its policy document alone, as it was written.")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_settings
def show(settings: Settings, /, name_or_id: str | None, *, version: int | None, policy: bool, form: str) -> None:
    """
    A configuration; without NAME_OR_ID the settings of `kt`, each with its origin.

    Secrets are shown as far as their id.

    \b
    A flag wins over the environment, that over the profile, that over the default:
      # ~/.config/keeptrusts/config.toml
      [profiles.default]
      api_url = "https://keeptrusts.example.com"
      api_token = "kt_key_..."

    \b
      kt config show production-policy --policy > policy-config.yaml
    """
    if name_or_id is None:
        if version is not None or policy:
            raise click.UsageError("`--version` and `--policy` are of a configuration: name one")
        _show_settings(settings, form)
        return
    with make_client(settings) as client:
        identifier = find_configuration(client, name_or_id)
        found = client.configurations.version(identifier, version) if version else client.configurations.get(identifier)
    if policy:
        click.echo(found["policy_yaml"], nl=not found["policy_yaml"].endswith("\n"))
    else:
        emit_one({name: value for name, value in found.items() if form != "table" or name != "policy_yaml"}, form)


def _show_settings(settings: Settings, form: str) -> None:
    rows = [{"setting": one.name, "value": one.shown, "origin": one.origin} for one in settings.all()]
    emit(rows, ("setting", "value", "origin"), form)
    if form == "table" and not settings.path.exists():
        say(f"there is no {settings.path}")


@config.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_configurations(client: Client, form: str) -> None:
    """
    Every configuration, newest first.

    \b
      kt config list --format jsonl
    """
    emit(list(client.configurations.each()), COLUMNS, form)


@config.command()
@click.option("--file", "path", required=True, metavar="FILE", help="Policy document; `-`: stdin.")
@click.option("--name", help="Of the configuration.  [default: the document's pack.name]")
@click.option("--message", help="Kept with the new version.")
@format_option("table", "json", "yaml")
@with_client
def push(client: Client, /, path: str, *, name: str | None, message: str | None, form: str) -> None:
    """
    Store a policy document as a configuration or its next version.

    A document that means what the current version means makes no new one.

    \b
      kt config push --file policy-config.yaml --name production-policy --message "block, not redact"
    """
    from keeptrusts.cli.documents import sound_text
    from keeptrusts.policy.lint import lint_document

    text = sound_text(path)
    wanted = name or (lint_document(text).pack or {})["name"]
    kept = {} if message is None else {"message": message}
    mine = client.configurations
    before = mine.find(wanted)
    if before is None:
        draft = {"name": wanted, "policy_yaml": text, "managed_by": "cli", **kept}
        emit_one(short({**mine.create(cast("ConfigurationDraft", draft))}), form)
        say("made; `kt gateway create --configuration` has a gateway run it")
        return
    warn_of_terraform(before["managed_by"], wanted)
    now = mine.fetch(before["id"])
    patch = {"policy_yaml": text, "managed_by": "cli", **kept}
    after = mine.update(before["id"], cast("ConfigurationPatch", patch), if_match=now.etag)
    emit_one(short({**after}), form)
    same = after["version"] == now.value["version"]
    say("it means what the current version means" if same else f"version {after['version']} is current")


@config.command()
@click.argument("name_or_id")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def versions(client: Client, name_or_id: str, form: str) -> None:
    """
    Every version of a configuration, newest first.

    \b
      kt config versions production-policy
    """
    emit(list(client.configurations.versions(find_configuration(client, name_or_id))), VERSIONS, form)


@config.command()
@click.argument("name_or_id")
@click.option("--from", "older", type=click.IntRange(1), help="Version.  [default: the one before the other]")
@click.option("--to", "newer", type=click.IntRange(1), help="Version.  [default: the current one]")
@click.option("--file", "path", metavar="FILE", help="A document instead of the newer version; `-`: stdin.")
@format_option("text", "json")
@with_client
def diff(
    client: Client, /, name_or_id: str, *, older: int | None, newer: int | None, path: str | None, form: str
) -> None:
    """
    What changed between two versions, or what a file would change, by meaning.

    Each change is told, and whether it strengthens or weakens.

    \b
      kt config diff production-policy --from 3
      kt config diff production-policy --file policy-config.yaml

    Exit status: 0 they mean the same; 3 they differ; 2 the file is not valid.
    """
    from keeptrusts.cli.documents import sound_text
    from keeptrusts.cli.policy_diff import tell

    if path is not None and newer is not None:
        raise click.UsageError("`--file` and `--to` are two different other sides")
    text = None if path is None else sound_text(path)
    identifier = find_configuration(client, name_or_id)
    after = newer or client.configurations.get(identifier)["version"]
    if text is not None:
        tell(client.configurations.version(identifier, older or after)["policy_yaml"], text, form)
        return
    before = older or after - 1
    if before < 1:
        raise stop("there is no version before the first", "name two with `--from` and `--to`", status=Exit.WRONG_INPUT)
    texts = [client.configurations.version(identifier, number)["policy_yaml"] for number in (before, after)]
    tell(texts[0], texts[1], form)


@config.command()
@click.argument("name_or_id")
@click.option("--version", type=click.IntRange(1), required=True, help="The version to go back to.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option("table", "json", "yaml")
@with_client
def rollback(client: Client, /, name_or_id: str, *, version: int, yes: bool, form: str) -> None:
    """
    Make an earlier version current again, as a new one. Gateways that follow the latest run it at once.

    \b
      kt config rollback production-policy --version 3
    """
    identifier = find_configuration(client, name_or_id)
    now = client.configurations.fetch(identifier)
    warn_of_terraform(now.value["managed_by"], now.value["name"])
    if not yes:
        confirm(f"Replace version {now.value['version']} of {now.value['name']} by {version}?")
    emit_one(short({**client.configurations.roll_back(identifier, version, if_match=now.etag)}), form)


def short(found: dict[str, object]) -> dict[str, object]:
    """Without the document."""
    return {name: value for name, value in found.items() if name != "policy_yaml"}


def warn_of_terraform(managed_by: str, name: str) -> None:
    """Before a change that Terraform would undo."""
    if managed_by == "terraform":
        say(f"warning: Terraform manages `{name}`; its next plan shows this change as drift and puts it back")
