"""`kt server check`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeptrusts.cli.checks import Result
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import emit, format_option, say
from keeptrusts.cli.server import (
    SECRET_KEY,
    data_dir_option,
    database_option,
    events_option,
    mail_server,
    secret_from_environment,
    smtp_from_option,
    smtp_url_option,
)
from keeptrusts.core.errors import KeeptrustsError

if TYPE_CHECKING:
    from keeptrusts.control.settings import Settings
    from keeptrusts.store.transaction import Store

ROOM: Final = 1024**3
SKEW: Final = timedelta(seconds=5)
OPEN_TOO_LONG: Final = timedelta(minutes=5)
WAITS_TOO_LONG: Final = timedelta(minutes=10)


@click.command()
@database_option
@events_option
@data_dir_option
@click.option("--archive-url", envvar="KEEPTRUSTS_ARCHIVE_URL", metavar="URL", help="As of `kt server run`.")
@smtp_url_option
@smtp_from_option
@format_option("table", "json", "jsonl", "csv", "yaml")
def check(
    database_url: str | None,
    data_dir: Path,
    *,
    events_dsn: str | None,
    archive_url: str | None,
    smtp_url: str | None,
    smtp_from: str | None,
    form: str,
) -> None:
    """
    Look at what a server needs: database, its shape, secret key, clock, durability, disk, archives, e-mail.

    Nothing is changed or made, so it may run beside a server, and before the first start. Options and variables are
    those of `kt server run`.

    \b
      kt server check --database-url postgresql://keeptrusts@db.internal/keeptrusts
      kt server check --json | jq -r '.[] | select(.state != "ok") | .next_step'

    Exit status: 0 a server would run, 3 it would not; a warning says what to look after.
    """
    from keeptrusts.control.settings import Settings

    settings = Settings(
        data_dir=data_dir.expanduser(),
        database_url=database_url,
        events_dsn=events_dsn,
        secret_key=secret_from_environment(),
        archive_url=archive_url,
        mail_server=mail_server(smtp_url, smtp_from),
    )
    results = list(_all(settings))
    emit([asdict(one) for one in results], ("check", "state", "detail"), form)
    for one in results:
        if one.next_step and form == "table":
            say(f"{one.check}: {one.next_step}")
    failing = [one for one in results if one.state == "fails"]
    if failing:
        raise stop(f"{len(failing)} of {len(results)} checks fail", status=Exit.FOUND, code="unwell")


def _all(settings: Settings) -> Iterator[Result]:
    yield _secret(settings)
    yield from _database(settings)
    yield from _events(settings)
    yield _disk(settings.data_dir)
    yield _archives(settings)
    yield _mail(settings)


def _secret(settings: Settings) -> Result:
    from keeptrusts.control.services import SHORTEST_KEY

    if settings.secret_key is None:
        path = settings.data_dir / "secret.key"
        if not path.exists():
            step = f"keep one outside of the machine and set `{SECRET_KEY}`: several servers need the same"
            return Result("secret key", "warning", f"`{path}` is made at the first start", step)
        if path.stat().st_mode & 0o077:
            return Result("secret key", "fails", f"others may read `{path}`", f"`chmod 600 {path}`")
        return Result("secret key", "ok", f"in `{path}`")
    if len(settings.secret_key) < SHORTEST_KEY:
        step = "make one with `openssl rand -base64 48`"
        return Result("secret key", "fails", f"`{SECRET_KEY}` has less than {SHORTEST_KEY} bytes", step)
    return Result("secret key", "ok", f"in `{SECRET_KEY}`")


def _database(settings: Settings) -> Iterator[Result]:
    from keeptrusts.store.engine import is_sqlite, open_engine
    from keeptrusts.store.transaction import Store

    file = settings.database.removeprefix("sqlite:///")
    if file != settings.database and not Path(file).exists():
        yield _first_start(Path(file))
        return
    try:
        store = Store(open_engine(settings.database))
    except KeeptrustsError as error:
        yield Result("database", "fails", str(error), "see `kt server run --help`")
        return
    try:
        migrates = is_sqlite(store.engine)
        yield from _opened(store, settings, migrates=migrates)
    finally:
        store.close()


def _first_start(file: Path) -> Result:
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Result("database", "ok", f"`{file}` is made at the first start")
    return Result(
        "database", "fails", f"`{file}` cannot be made: `{there}` lets us write nothing", "another `--data-dir`"
    )


def _events(settings: Settings) -> Iterator[Result]:
    """The database of the events, when they have one of their own, and whether the two are a pair."""
    from keeptrusts.store.apart import databases_of, open_store, require_pair
    from keeptrusts.store.migrating import require_current

    for url in (settings.database, settings.events_dsn or ""):
        file = url.removeprefix("sqlite:///")
        if file != url and not Path(file).exists():
            return  # made at the first start
    name = "events' database"
    store = None
    try:
        store = open_store(settings.database, settings.events_dsn)
        for each in databases_of(store):
            require_current(each)
        require_pair(store)
        if store.apart:
            yield Result(name, "ok", "it answers, and belongs to the other")
    except KeeptrustsError as error:
        if settings.events_dsn or error.code == "events_elsewhere":
            step = "`kt server migrate`" if error.code == "not_migrated" else "give the one that the servers have"
            yield Result(name, "fails", str(error), step)
    finally:
        if store is not None:
            store.close()


def _opened(store: Store, settings: Settings, *, migrates: bool) -> Iterator[Result]:
    from keeptrusts.store.migrating import require_current

    try:
        require_current(store)
    except KeeptrustsError as error:
        behind = error.code == "not_migrated"
        yield Result("database", "ok" if behind else "fails", "it answers" if behind else str(error),
                     "" if behind else "look at its address, at its log, and at who may connect")  # fmt: skip
        if behind:
            step = "it is migrated at the next start" if migrates else "back up, then `kt server migrate`"
            yield Result("shape of the database", "warning" if migrates else "fails", str(error), step)
        return
    yield from _inside(store, settings)


def _inside(store: Store, settings: Settings) -> Iterator[Result]:
    from keeptrusts.store.condition import examine

    with store.read() as tx:
        now = tx.database_now()
        found = examine(tx.connection, now)
        skew = abs(tx.now - now)
    yield Result("database", "ok", f"{found.engine} answers")
    yield Result("shape of the database", "ok", "it is as this version needs it")
    yield _opens(store, settings)
    step = "`ALTER SYSTEM SET ...` and reload: an event that was acknowledged has to outlive a power cut"
    yield _judged("durability", bool(found.unsafe), ", ".join(found.unsafe) or "commits are durable", step)
    step = "have this machine and the database's ask the same time server"
    yield _judged("clock", skew > SKEW, f"{skew.total_seconds():.1f} s from the database's", step)
    step = "find it in `pg_stat_activity` and end it: until then nothing behind it is sealed, followed or exported"
    age = found.oldest_transaction
    yield _judged("open transactions", age > OPEN_TOO_LONG, f"the oldest is open for {age.total_seconds():.0f} s", step)
    waits = found.overdue or timedelta(0)
    step = "see the log of the servers for `job failed`; no server may be running"
    yield _judged("background work", waits > WAITS_TOO_LONG, f"waits for {waits.total_seconds():.0f} s at most", step)


def _judged(check: str, bad: bool, detail: str, step: str) -> Result:
    return Result(check, "warning", detail, step) if bad else Result(check, "ok", detail)


def _opens(store: Store, settings: Settings) -> Result:
    from keeptrusts.control.services import SHORTEST_KEY
    from keeptrusts.store.sealing import Sealer
    from keeptrusts.store.signing_keys import check_opens, newest_key_id

    path = settings.data_dir / "secret.key"
    secret = settings.secret_key or (path.read_bytes() if path.exists() else b"")
    if len(secret) < SHORTEST_KEY:
        with store.read() as tx:
            made = newest_key_id(tx.connection)
        if made is None:
            return Result("stored secrets", "ok", "there are none yet")
        return Result("stored secrets", "fails", "there is no key that opens them", f"set `{SECRET_KEY}`")
    try:
        with store.read() as tx:
            key = check_opens(tx.connection, Sealer(secret))
    except KeeptrustsError as error:
        return Result("stored secrets", "fails", str(error), f"set `{SECRET_KEY}` to the key it was made with")
    return Result("stored secrets", "ok", f"the secret key opens signing key {key}" if key else "there are none yet")


def _disk(folder: Path) -> Result:
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(there).free
    step = "make room: archives are written there first, and SQLite lies there"
    return _judged("disk", free < ROOM, f"{free / ROOM:.1f} GiB are free at `{folder}`", step)


def _archives(settings: Settings) -> Result:
    from keeptrusts.control.archive_places import place_of

    if settings.archive_url is None:
        return Result("archives", "ok", "in the data directory")
    try:
        place_of(settings).size("kt-server-check")
    except (KeeptrustsError, OSError) as error:
        reason = str(error) if isinstance(error, KeeptrustsError) else "the bucket does not answer, or refuses"
        return Result("archives", "fails", reason, "look at `--archive-url` and the AWS_ variables")
    return Result("archives", "ok", "the bucket answers")


def _mail(settings: Settings) -> Result:
    from keeptrusts.control.smtp import MailError, try_out

    if settings.mail_server is None:
        return Result("e-mail", "ok", "none is sent: `--smtp-url` is not set")
    try:
        try_out(settings.mail_server)
    except MailError as error:
        step = "look at `--smtp-url`, `KEEPTRUSTS_SMTP_USER` and `SSL_CERT_FILE`"
        return Result("e-mail", "fails", str(error), step)
    return Result("e-mail", "ok", "the mail server takes the connection")
