"""`kt console`."""

from __future__ import annotations

import sys

import click

from keeptrusts.cli.connection import make_client, with_settings
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.output import emit_value, format_option, say
from keeptrusts.cli.settings import Settings


@click.command()
@click.option("--open", "opens", is_flag=True, help="Open it in the browser of this machine, too.")
@format_option("text", "json")
@with_settings
def console(settings: Settings, *, opens: bool, form: str) -> None:
    """
    Print a link that signs a browser in to the console, once.

    The console is a page of the control plane: events, configurations, gateways, escalations and more. The link is good
    for a day, for whoever has it, with the rights of your key; the session that it begins lasts twelve hours, and ends
    with the key. `kt auth whoami` shows whose key that is.

    \b
      kt console --open
      kt console --profile production
      kt console --api-token-file viewer.key --json    a link for one who may only look

    Exit status: 1 with --open when no browser could be started; the link is printed all the same.
    """
    with make_client(settings) as client:
        link = client.console_link()
    url = settings["api_url"].value.rstrip("/") + link["path"]
    if form == "json":
        emit_value({"url": url, "expires_at": link["expires_at"]}, form)
    else:
        click.echo(url)
    say(f"it signs in once, until {link['expires_at']}; do not pass it on")
    if opens and not _is_opened(url):
        say("no browser could be started; open the link by hand")
        sys.exit(Exit.FAILED)


def _is_opened(url: str) -> bool:
    import webbrowser

    return webbrowser.open(url)
