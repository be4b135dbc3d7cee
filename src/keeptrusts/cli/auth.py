"""`kt auth`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from keeptrusts.cli.connection import make_client, with_client, with_settings
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import emit_gone, emit_one, format_option, say
from keeptrusts.cli.settings import Settings, read_profile

if TYPE_CHECKING:
    from keeptrusts.client import Client


@click.group()
def auth() -> None:
    """Who you are to the control plane; and the key that is kept for you."""


@auth.command()
@format_option("table", "json", "yaml")
@with_settings
def login(settings: Settings, form: str) -> None:
    """
    Try an API key, and keep it for this person in config.toml.

    `kt` needs no variables then. The key is asked for, or read from `--api-token-file`. The file is readable by its
    owner alone; comments in it are not kept. `--profile` names another set of settings.

    \b
      kt auth login --api-url https://keeptrusts.example.com
      pass show keeptrusts | kt auth login --profile production --api-token-file -

    Exit status: 4 when the control plane does not take the key; nothing is written then.
    """
    from keeptrusts.cli.profiles import change_profile

    given = settings["api_token"]
    key = given.value if given.origin.startswith("flag") else _asked_for()
    named = Settings({"api_url": settings["api_url"].value, "api_token": key, "profile": settings.profile[1] or None})
    with make_client(named) as client:
        who = client.whoami()
    change_profile(settings.path, settings.profile[1], {"api_url": named["api_url"].value, "api_token": key})
    emit_one(who, form)
    say(f"kept in {settings.path}; `kt auth logout` takes it away")
    if os.environ.get("KEEPTRUSTS_API_TOKEN") or os.environ.get("KEEPTRUSTS_API_KEY"):
        say("warning: a key in the environment wins over it")


@auth.command()
@click.option("--revoke", is_flag=True, help="End the key itself, too: it is refused from then on.")
@format_option("table", "json", "yaml")
@with_settings
def logout(settings: Settings, *, revoke: bool, form: str) -> None:
    """
    Take the API key out of config.toml. The key itself lives on; with `--revoke` it ends (an admin's may do that).

    \b
      kt auth logout --revoke
    """
    from keeptrusts.cli.profiles import change_profile

    kept = read_profile(settings.path, settings.profile[1]).get("api_token")
    if kept is None:
        raise stop(f"there is no key in {settings.path}", "`kt config show` says where the key in use comes from",
                   status=Exit.WRONG_INPUT, code="not_logged_in")  # fmt: skip
    if revoke:
        flags = {"api_url": settings["api_url"].value, "api_token": kept, "profile": settings.profile[1] or None}
        with make_client(Settings(flags)) as client:
            client.tokens.revoke(client.whoami()["key_id"])
    change_profile(settings.path, settings.profile[1], {"api_token": None})
    gone = {"profile": settings.profile[1], "file": str(settings.path), "revoked": revoke}
    emit_gone(gone, f"the key is no longer in {settings.path}" + (", and has ended" if revoke else ""), form)


@auth.command()
@format_option("table", "json", "yaml")
@with_client
def whoami(client: Client, form: str) -> None:
    """
    The key in use: its name, role, scopes and expiry.

    \b
      kt auth whoami --json

    Exit status: 4 when the key is missing, unknown, expired or revoked.
    """
    emit_one(client.whoami(), form)


def _asked_for() -> str:
    """Of a person unseen, or from a pipe."""
    if sys.stdin.isatty():
        answer: str = click.prompt("API key", hide_input=True, err=True)
    else:
        answer = sys.stdin.readline()
    if not answer.strip():
        raise stop("there is no key in the standard input", "have it there, or name a file: `--api-token-file`",
                   status=Exit.WRONG_INPUT, code="no_value")  # fmt: skip
    return answer.strip()
