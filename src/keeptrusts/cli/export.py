"""`kt export`: archives of events, escalations and the audit log."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from keeptrusts.api.exports import EXPORT_CONTENTS, EXPORT_FORMATS, EXPORT_TYPES
from keeptrusts.cli.connection import with_client
from keeptrusts.cli.duration import DURATION, MOMENT
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.files import write_whole
from keeptrusts.cli.gateway import read_label
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.cli.output import Bar, emit, emit_one, emit_value, format_option, say
from keeptrusts.core.errors import ApiError

if TYPE_CHECKING:
    from keeptrusts.api.exports import ExportDraft, ExportJob
    from keeptrusts.client import Client

COLUMNS: Final = ("id", "type", "format", "state", "rows_done", "size_bytes", "created_at")
FINISHED: Final = frozenset({"completed", "failed", "expired"})
POLL_S: Final = (0.1, 0.2, 0.4, 0.8, 1.0)
_OUTPUT = click.option("--output", type=click.Path(dir_okay=False, path_type=Path),
                       help="Where the archive goes; `-`: stdout.  [default: ./<export id>.<format>]")  # fmt: skip

_MANIFEST = click.option("--manifest", "with_manifest", is_flag=True,
                         help="Save its manifest, too, as FILE.manifest.json, for `kt events verify`.")  # fmt: skip


ENTRIES: Final = {
    "preview": Entry("keeptrusts.cli.export_preview:preview", "The first rows of what an export would hold."),
}


@click.group(cls=LazyGroup, entries=ENTRIES)
def export() -> None:
    """Archives of events, escalations and the audit log."""


@export.command()
@click.option("--format", "archive", type=click.Choice(EXPORT_FORMATS), required=True, help="Of the archive.")
@click.option("--type", "kind", type=click.Choice(EXPORT_TYPES), default="events", show_default=True,
              help="What it holds.")  # fmt: skip
@click.option("--window", help="The time before now, such as 1h, 24h or 30d.")
@click.option("--from", "begin", type=MOMENT, help="Its start, as 2030-01-31T08:00:00Z, or how long ago.")
@click.option("--to", "end", type=MOMENT, help="Its end; with --from.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE",
              help="Only these, such as `verdict=blocked`; repeatable.")  # fmt: skip
@click.option("--content", type=click.Choice(EXPORT_CONTENTS), help="What events keep of texts: `sealed` can still be "
              "erased, and `kt events open` reads it; `clear` cannot.  [default: sealed]")  # fmt: skip
@click.option("--wait", is_flag=True, help="Wait until it is done, and download it.")
@click.option("--timeout", type=DURATION, default="1h", show_default=True, help="Longest wait.")
@_OUTPUT
@_MANIFEST
@click.option("--json", "as_json", is_flag=True, help="Write the job as JSON.")
@with_client
def create(
    client: Client,
    /,
    *,
    archive: str,
    kind: str,
    window: str | None,
    begin: str | None,
    end: str | None,
    filters: tuple[str, ...],
    content: str | None,
    wait: bool,
    timeout: int,
    output: Path | None,
    with_manifest: bool,
    as_json: bool,
) -> None:
    """
    Start an export. Its id is the result; with --wait, the name of the downloaded file.

    \b
      kt export create --format csv --window 24h
      kt export create --format jsonl --window 30d --filter verdict=blocked --wait --output blocked.jsonl
      kt export create --format parquet --window 24h --wait
      kt export create --format csv --type audit-log --from 2030-01-01T00:00:00Z --to 2030-02-01T00:00:00Z --wait
    """
    if (window is None) == (begin is None) or (begin is None and end is not None):
        raise click.UsageError("give `--window`, or `--from` and `--to`")
    given = {"window": window, "from": begin, "to": end, "content": content}
    draft: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    draft |= {"format": archive, "type": kind, "filters": dict(read_label(one) for one in filters)}
    job = client.exports.create(cast("ExportDraft", draft))
    if wait:
        job = _finished(client, job, timeout)
        path = _download(client, job, output)
        _save_manifest(client, job, path, wanted=with_manifest)
        _result(job, str(path), as_json=as_json)
    else:
        _result(job, job["id"], as_json=as_json)
        say(f"it runs in the control plane: `kt export status {job['id']}`, then `kt export download {job['id']}`")


@export.command("list")
@format_option("table", "json", "jsonl", "csv", "yaml")
@with_client
def list_exports(client: Client, form: str) -> None:
    """
    Every export, newest first.

    \b
      kt export list --json
    """
    emit(list(client.exports.each()), COLUMNS, form)


@export.command()
@click.argument("export_id")
@format_option("table", "json", "yaml")
@with_client
def status(client: Client, export_id: str, form: str) -> None:
    """
    How far an export is. Exit status 1 when it failed or has expired.

    \b
      kt export status exp_0193...
    """
    job = client.exports.get(export_id)
    emit_one(job, form)
    if job["state"] in {"failed", "expired"}:
        raise _unfinished(job)


@export.command()
@click.argument("export_id")
@_OUTPUT
@_MANIFEST
@click.option("--wait", is_flag=True, help="Wait until it is done.")
@click.option("--timeout", type=DURATION, default="1h", show_default=True, help="Longest wait.")
@click.option("--json", "as_json", is_flag=True, help="Write the job, and where the archive is, as JSON.")
@with_client
def download(
    client: Client, /, export_id: str, *, output: Path | None, with_manifest: bool, wait: bool, timeout: int,
    as_json: bool,
) -> None:  # fmt: skip
    """
    Download an archive and check it against its digest.

    \b
      kt export download exp_0193... --output events.csv
    """
    job = client.exports.get(export_id)
    if wait:
        job = _finished(client, job, timeout)
    path = _download(client, job, output)
    _save_manifest(client, job, path, wanted=with_manifest)
    if as_json and str(output) != "-":
        emit_value({**job, "path": str(path)}, "json")
    else:
        click.echo(str(path), err=str(output) == "-")


def _result(job: ExportJob, plain: str, *, as_json: bool) -> None:
    if as_json:
        emit_value(job, "json")
    else:
        click.echo(plain)


def _finished(client: Client, job: ExportJob, timeout: int) -> ExportJob:
    """
    The job when it has ended well; meanwhile a bar on stderr.

    Raises:
        Failure: It failed, or takes too long.
    """
    deadline = time.monotonic() + timeout
    pauses = chain(POLL_S, repeat(POLL_S[-1]))
    with Bar(job["id"]) as bar:
        while job["state"] not in FINISHED:
            if time.monotonic() > deadline:
                raise stop(
                    f"export `{job['id']}` is not done after {timeout} s",
                    f"it goes on; `kt export download {job['id']} --wait` takes it up again",
                    code="timeout",
                )
            time.sleep(next(pauses))
            job = client.exports.get(job["id"])
            bar.show(job["rows_done"], job["rows_total"])
    if job["state"] != "completed":
        raise _unfinished(job)
    return job


def _unfinished(job: ExportJob) -> click.ClickException:
    reason = job["error"] or f"it is {job['state']}"
    return stop(f"export `{job['id']}`: {reason}", "create it again with `kt export create`", code="export_failed")


def _download(client: Client, job: ExportJob, output: Path | None) -> Path:
    """
    Where the archive is now: whole and verified, or not there at all.

    Raises:
        Failure: It is not done, or what arrived is not what was made.
    """
    if job["state"] != "completed":
        raise stop(f"export `{job['id']}` is {job['state']}", "wait for it with `--wait`",
                   status=Exit.WRONG_INPUT, code="not_completed")  # fmt: skip
    if str(output) == "-":
        _fetch(client, job, sys.stdout.buffer.write)
        return Path("-")
    target = output or Path(f"{job['id']}.{job['format']}")
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as file:
            _fetch(client, job, file.write)
        draft.replace(target)
    except OSError as error:
        raise stop(
            f"cannot write `{target}`: {error.strerror}", "choose another `--output`", code="not_written"
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    return target


def _save_manifest(client: Client, job: ExportJob, archive: Path, *, wanted: bool) -> None:
    if not wanted:
        return
    if str(archive) == "-":
        raise click.UsageError("`--manifest` needs an `--output` that is a file")
    write_whole(archive.with_name(f"{archive.name}.manifest.json"), json.dumps(client.exports.manifest(job["id"])))


def _fetch(client: Client, job: ExportJob, write: Callable[[bytes], object]) -> None:
    got = client.exports.download(job["id"], write)
    if job["sha256"] is not None and got.sha256 != job["sha256"].removeprefix("sha256:"):
        raise ApiError(
            "the archive that arrived is not the one that was made; download it again", code="digest_mismatch"
        )
