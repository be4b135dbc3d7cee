"""`kt config`."""

from __future__ import annotations

import click

from keeptrusts.cli.connection import with_settings
from keeptrusts.cli.output import emit, format_option, say
from keeptrusts.cli.settings import Settings


@click.group()
def config() -> None:
    """Settings, and where each came from."""


@config.command()
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_settings
def show(settings: Settings, form: str) -> None:
    """
    Each setting with its value and its origin. Secrets are shown as far as their id.

    \b
    A flag wins over the environment, that over the profile, that over the default:
      # ~/.config/keeptrusts/config.toml
      [profiles.default]
      api_url = "https://keeptrusts.example.com"
      api_token = "kt_key_..."
    """
    rows = [{"setting": one.name, "value": one.shown, "origin": one.origin} for one in settings.all()]
    emit(rows, ("setting", "value", "origin"), form)
    if form == "table" and not settings.path.exists():
        say(f"there is no {settings.path}")
