"""`kt server`: the control plane."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeptrusts.cli.files import Existing
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import emit_value, format_option

if TYPE_CHECKING:
    from keeptrusts.control.releases import Release
    from keeptrusts.control.smtp import MailServer
    from keeptrusts.store.organisations import FirstKey
    from keeptrusts.store.transaction import Store

SECRET_KEY: Final = "KEEPTRUSTS_SECRET_KEY"  # noqa: S105  the name of a variable
DATA_DIR: Final = Path("~/.local/share/keeptrusts/server")

database_option = click.option(
    "--database-url",
    envvar="KEEPTRUSTS_DATABASE_URL",
    metavar="URL",
    help="`postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:///PATH`. Without it: `control.db` in the data directory.",
)
events_option = click.option(
    "--events-dsn",
    envvar="KEEPTRUSTS_EVENTS_DSN",
    metavar="URL",
    help="A database of their own for the events, of either engine. Without it: they are in the other.",
)
data_dir_option = click.option(
    "--data-dir",
    envvar="KEEPTRUSTS_DATA_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA_DIR,
    show_default=True,
    help="Holds the SQLite database, and `secret.key` unless KEEPTRUSTS_SECRET_KEY is set.",
)


CHECK = Entry("keeptrusts.cli.server_check:check", "Look at what a server needs, and at what it may lack.")


smtp_url_option = click.option(
    "--smtp-url",
    envvar="KEEPTRUSTS_SMTP_URL",
    metavar="URL",
    help="Mail server that tells who is to decide about an escalation: `smtp://HOST` (STARTTLS), `smtps://HOST` (TLS), "
    "`smtp+plain://HOST`. It is logged in to with KEEPTRUSTS_SMTP_USER and KEEPTRUSTS_SMTP_PASSWORD.",
)
smtp_from_option = click.option(
    "--smtp-from", envvar="KEEPTRUSTS_SMTP_FROM", metavar="ADDRESS", help="Whom its e-mail is from."
)


@click.group(cls=LazyGroup, entries={"check": CHECK})
def server() -> None:
    """Run the control plane."""


@server.command()
@click.option("--listen", default="0.0.0.0:8080", show_default=True, metavar="HOST:PORT", help="Port 0: any free one.")
@database_option
@events_option
@data_dir_option
@click.option(
    "--admin-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the first admin key of a new database is written (mode 0600) instead of being printed.",
)
@click.option("--allow-insecure-webhooks", is_flag=True, help="Let webhooks go to http addresses on loopback.")
@click.option(
    "--webhook-allow-subnet",
    "webhook_allow_private",
    multiple=True,
    metavar="CIDR",
    help="A private network that webhooks may reach, as in `10.1.0.0/16`. May be repeated.",
)
@click.option(
    "--archive-url",
    envvar="KEEPTRUSTS_ARCHIVE_URL",
    metavar="URL",
    help="Where archives are kept: `s3://BUCKET/PREFIX?region=...&endpoint_override=HOST:PORT`, with the AWS_ "
    "variables for credentials. Without it: the data directory.",
)
@smtp_url_option
@smtp_from_option
@click.option(
    "--rate-limit", type=click.IntRange(1), default=6000, show_default=True, help="Requests a minute of a key."
)
def run(
    *,
    listen: str,
    database_url: str | None,
    events_dsn: str | None,
    data_dir: Path,
    admin_key_file: Path | None,
    allow_insecure_webhooks: bool,
    webhook_allow_private: tuple[str, ...],
    archive_url: str | None,
    rate_limit: int,
    **mail: str | None,
) -> None:
    """
    Serve the REST API until SIGTERM or Ctrl-C.

    A new database gets one organisation and an admin key, which is printed once. SQLite is migrated at start;
    PostgreSQL with `kt server migrate`. Logs are JSON lines on stderr.

    \b
    Exit status: 0 stopped as asked, 1 port taken, database away or not migrated, 2 wrong usage.
    """
    from keeptrusts.control.logs import log_to_stderr
    from keeptrusts.control.serving import Address, serve
    from keeptrusts.control.settings import Settings

    log_to_stderr()
    settings = Settings(
        data_dir=data_dir.expanduser(),
        database_url=database_url,
        events_dsn=events_dsn,
        secret_key=secret_from_environment(),
        allow_insecure_webhooks=allow_insecure_webhooks,
        webhook_allow_private=webhook_allow_private,
        archive_url=archive_url,
        key_requests_per_minute=rate_limit,
        provider_release=_provider_release,
        mail_server=mail_server(**mail),
    )
    serve(settings, Address.read(listen), admin_key_file=admin_key_file, show_key=partial(_show, listen))


def mail_server(smtp_url: str | None, smtp_from: str | None) -> MailServer | None:
    """The one that these options and the environment name; None: none."""
    from keeptrusts.control.smtp import MailServer

    return MailServer.read(smtp_url, smtp_from, os.environ) if smtp_url else None


def _provider_release() -> Release:
    """Packaged when somebody asks for it."""
    from keeptrusts.control.releases import Release
    from keeptrusts.core.version import VERSION
    from keeptrusts.terraform.install import PLATFORMS
    from keeptrusts.terraform.package import archive, build, h1

    files = build()
    return Release(version=VERSION, archive=archive(files), h1=h1(files), platforms=PLATFORMS)


@server.command()
@database_option
@events_option
@data_dir_option
@format_option("text", "json")
def migrate(database_url: str | None, events_dsn: str | None, data_dir: Path, form: str) -> None:
    """
    Bring the database to the shape this version needs.

    Forward only, all or nothing; several at once wait for each other. Back up first.

    \b
      kt server migrate --database-url postgresql://keeptrusts@db/keeptrusts
    """
    from keeptrusts.control.serving import upgrade
    from keeptrusts.control.settings import Settings
    from keeptrusts.store.apart import databases_of, open_store

    settings = Settings(data_dir=data_dir.expanduser(), database_url=database_url, events_dsn=events_dsn)
    store = open_store(settings.database, settings.events_dsn)
    done = [("main" if each is store else "events", *upgrade(each)) for each in databases_of(store)]
    store.close()
    if form == "json":
        emit_value([{"database": name, "before": before, "after": after} for name, before, after in done], form)
        return
    for name, before, after in done:
        if before == after:
            which = "the database" if name == "main" else "the events' database"
            click.echo(f"{which} is at revision {after}; nothing to do")
        else:
            of = "" if name == "main" else "the events' database: "
            click.echo(f"{of}migrated from {before or 'an empty database'} to revision {after}")


@server.command("rotate-key")
@database_option
@data_dir_option
@format_option("text", "json")
def rotate_key(database_url: str | None, data_dir: Path, form: str) -> None:
    """
    Make a new signing key and retire the old one.

    Servers that run take it up within seconds. What the old key signed stays verifiable, and gateways go on without a
    gap: they ask for the new key over the connection they trust.

    \b
      kt server rotate-key --data-dir /var/lib/keeptrusts
    """
    from keeptrusts.control.services import existing_secret_key
    from keeptrusts.control.settings import Settings
    from keeptrusts.store.engine import open_engine
    from keeptrusts.store.migrating import require_current
    from keeptrusts.store.sealing import Sealer
    from keeptrusts.store.signing_keys import rotate
    from keeptrusts.store.transaction import Store

    settings = Settings(data_dir=data_dir.expanduser(), database_url=database_url, secret_key=secret_from_environment())
    secret = existing_secret_key(settings)
    store = Store(open_engine(settings.database))
    try:
        require_current(store)
        with store.write() as tx:
            made = rotate(tx.connection, Sealer(secret), at=tx.now)
    finally:
        store.close()
    if form == "json":
        emit_value({"key_id": made.key_id}, form)
    else:
        click.echo(made.key_id)


@server.command()
@database_option
@events_option
@data_dir_option
@click.option("--output", required=True, type=click.Path(path_type=Path), help="A folder that does not exist yet.")
@click.option("--content-keys", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="The keys of texts of events: replaced each time.  [default: beside the folder]")  # fmt: skip
@format_option("text", "json")
def backup(
    database_url: str | None, events_dsn: str | None, data_dir: Path, *, output: Path, content_keys: Path | None,
    form: str,
) -> None:  # fmt: skip
    """
    Write everything the control plane keeps into a folder, while it runs.

    Either engine's backup restores into either engine. It does not hold the secret key, without which it cannot be
    restored: keep that elsewhere. Nor does it hold the keys of the texts that events keep: those lie beside it, in
    one file that each backup replaces, so that what is erased is erased from older backups. The digest of the manifest
    is printed.

    \b
      kt server backup --output /backups/2030-01-31

    \b
    Exit status: 0 written, 1 database away or folder not writable, 2 the folder exists.
    """
    from keeptrusts.store.apart import databases_of, require_pair
    from keeptrusts.store.backup import MANIFEST, back_up, digest_of
    from keeptrusts.store.migrating import require_current

    with _opened(database_url, events_dsn, data_dir) as (store, secret):
        for each in databases_of(store):
            require_current(each)
        require_pair(store)
        written = back_up(store, output, secret, content_keys)
    rows = sum(table["rows"] for table in written["tables"])
    if form == "json":
        told = {"folder": str(output), "rows": rows, "revision": written["revision"], "made_at": written["made_at"]}
        emit_value({**told, "digest": digest_of(output / MANIFEST)}, form)
        return
    click.echo(f"{rows} rows of {len(written['tables'])} tables are in `{output}`", err=True)
    click.echo(digest_of(output / MANIFEST))


@server.command()
@click.argument("folder", type=Existing(folder=True))
@database_option
@events_option
@data_dir_option
@click.option("--content-keys", type=Existing(), metavar="FILE",
              help="As the newest backup wrote it.  [default: beside the folder]")  # fmt: skip
@click.option("--without-contents", is_flag=True, help="What events keep of texts stays encrypted, for good.")
@format_option("text", "json")
def restore(
    folder: Path, database_url: str | None, events_dsn: str | None, data_dir: Path, *, content_keys: Path | None,
    without_contents: bool, form: str,
) -> None:  # fmt: skip
    """
    Fill an empty database from a backup: all of it or nothing.

    Gateways take up what the backup says at their next poll, also when they have seen something newer. Keys that were
    revoked since the backup was made are valid again: revoke them anew.

    \b
      kt server restore /backups/2030-01-31 --data-dir /var/lib/keeptrusts-new

    \b
    Exit status: 0 restored, 1 database away, 2 the database is not empty,
    or it is no backup of this version and key.
    """
    from keeptrusts.store.apart import hold_all
    from keeptrusts.store.restoring import restore as fill

    with _opened(database_url, events_dsn, data_dir) as (store, secret), hold_all(store):
        found = fill(store, folder, secret, content_keys, contents=not without_contents)
    rows = sum(table["rows"] for table in found["tables"])
    if form == "json":
        emit_value({"rows": rows, "made_at": found["made_at"], "revision": found["revision"]}, form)
    else:
        click.echo(f"restored {rows} rows of {found['made_at']}")


@contextmanager
def _opened(database_url: str | None, events_dsn: str | None, data_dir: Path) -> Iterator[tuple[Store, bytes]]:
    """The database and the secret key that these options name."""
    from keeptrusts.control.services import existing_secret_key
    from keeptrusts.control.settings import Settings
    from keeptrusts.store.apart import open_store

    settings = Settings(
        data_dir=data_dir.expanduser(),
        database_url=database_url,
        events_dsn=events_dsn,
        secret_key=secret_from_environment(),
    )
    secret = existing_secret_key(settings)
    store = open_store(settings.database, settings.events_dsn)
    try:
        yield store, secret
    finally:
        store.close()


def secret_from_environment() -> bytes | None:
    text = os.environ.get(SECRET_KEY)
    return text.encode() if text else None


def _show(listen: str, first: FirstKey) -> None:
    click.echo("a new database: this is its first admin key, shown this once", err=True)
    click.echo(f"KEEPTRUSTS_API_TOKEN={first.token}")
    host = f"127.0.0.1{listen}" if listen.startswith(":") else listen
    click.echo(f"the console, signed in once within a day: http://{host}/#/welcome/{first.code}", err=True)
