"""`kt webhook listen`."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.cli.connection import make_client, with_settings
from keeptrusts.cli.duration import DURATION
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import emit_line, format_option, paint, say
from keeptrusts.cli.receiver import Letter, Receiver
from keeptrusts.cli.settings import Settings

if TYPE_CHECKING:
    from keeptrusts.api.webhooks import WebhookDraft

SECRET: Final = "KEEPTRUSTS_WEBHOOK_SECRET"  # noqa: S105 - a variable's name


@click.command()
@click.option("--listen", "address", default="127.0.0.1:8099", show_default=True, metavar="HOST:PORT",
              help="Port 0 takes a free one.")  # fmt: skip
@click.option("--secret", envvar=SECRET, help=f"Signing secret, `whsec_...`; better given as {SECRET}.")
@click.option("--register", is_flag=True, help="Register a webhook for this receiver, and remove it at the end.")
@click.option("--event-type", "event_types", multiple=True, default=("*",), show_default=True,
              help="What to register for; repeatable.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), help="End after so many messages.  [default: go on until Ctrl-C]")
@click.option("--timeout", type=DURATION, help="End after so long, such as 30s.")
@format_option("table", "json", "jsonl")
@with_settings
def listen(
    settings: Settings,
    /,
    address: str,
    *,
    secret: str | None,
    register: bool,
    event_types: tuple[str, ...],
    count: int | None,
    timeout: int | None,
    form: str,
) -> None:
    """
    Receive webhooks on this machine, verify their signatures and write each message, one line each.

    \b
      kt webhook listen --register --event-type event.blocked
      KEEPTRUSTS_WEBHOOK_SECRET=whsec_... kt webhook listen --listen 127.0.0.1:8099 --count 1 --format json

    Exit status: 0 all that came was genuine, 1 the time was up before --count, 3 a signature was wrong.
    """
    if register == bool(secret):
        raise click.UsageError("give either `--secret`, to verify what a webhook sends, or `--register`")
    if secret is not None:
        _check_secret(secret)
    with _receiving(address, secret or "") as receiver:
        if register:
            with _registered(settings, receiver, event_types):
                _show(receiver, count, timeout, form)
        else:
            say(f"listening on {receiver.url}")
            _show(receiver, count, timeout, form)


def _show(receiver: Receiver, count: int | None, timeout: int | None, form: str) -> None:
    forged, seen = 0, 0
    try:
        for letter in _letters(receiver, timeout):
            _write(letter, form)
            forged += bool(letter.reason)
            seen += 1
            if seen == count:
                break
    except KeyboardInterrupt:
        pass
    if forged:
        raise stop(f"{forged} of {seen} messages do not verify", "use the secret of the webhook that sends them",
                   status=Exit.FOUND, code="wrong_signature")  # fmt: skip
    if count is not None and seen < count:
        raise stop(f"{seen} of {count} messages came before the end", "`kt webhook deliveries` shows what was sent",
                   code="timeout")  # fmt: skip


def _letters(receiver: Receiver, timeout: int | None) -> Iterator[Letter]:
    """What arrives, until the time is up."""
    deadline = time.monotonic() + timeout if timeout is not None else None
    while deadline is None or time.monotonic() < deadline:
        left = 1.0 if deadline is None else max(0.0, min(1.0, deadline - time.monotonic()))
        try:
            yield receiver.letters.get(timeout=left)
        except queue.Empty:
            continue


def _write(letter: Letter, form: str) -> None:
    row = letter.as_row()
    if form == "table":
        verdict = "verified" if row["verified"] else f"WRONG SIGNATURE ({row['reason']})"
        click.echo(f"{row['id'] or '-'}  {paint(str(row['type'] or '-'))}  {verdict}")
    else:
        emit_line(row)


def _check_secret(secret: str) -> None:
    """Nothing verifies with what is no secret: better now than at the first message."""
    from keeptrusts.control.signatures import is_secret

    if not is_secret(secret):
        raise stop("the signing secret is none: it is `whsec_` and 24 to 64 bytes in base64",
                   "take it from the answer to `kt webhook create` or `kt webhook rotate-secret`",
                   status=Exit.WRONG_INPUT, code="invalid_secret")  # fmt: skip


@contextmanager
def _receiving(address: str, secret: str) -> Iterator[Receiver]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"`{address}` is not HOST:PORT, such as 127.0.0.1:8099", param_hint="--listen")
    try:
        receiver = Receiver(host, int(port), secret)
    except OSError as error:
        raise stop(
            f"cannot listen on `{address}`: {(error.strerror or str(error)).lower()}",
            "choose another with `--listen`; port 0 takes a free one",
            code="port_in_use",
        ) from None
    with receiver:
        yield receiver


@contextmanager
def _registered(settings: Settings, receiver: Receiver, event_types: tuple[str, ...]) -> Iterator[None]:
    """A webhook that is there as long as the receiver is."""
    draft = {
        "url": receiver.url,
        "event_types": list(event_types),
        "description": f"kt webhook listen, process {os.getpid()}",
        "format": "standard",
    }
    with make_client(settings) as client:
        made = client.webhooks.create(cast("WebhookDraft", draft))
        receiver.secret = made["secret"]
        say(f"listening on {receiver.url} as `{made['id']}` for {', '.join(event_types)}")
        try:
            yield
        finally:
            client.webhooks.delete(made["id"])
