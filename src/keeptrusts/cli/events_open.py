"""`kt events open`: an archive with its texts, as long as nobody erased them."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.cli.connection import with_client
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.files import OWNER_ONLY, Existing
from keeptrusts.cli.output import emit_value, format_option, say
from keeptrusts.trail.contents import SEALED, decrypt, is_content_sealed

if TYPE_CHECKING:
    from keeptrusts.client import Client

AT_ONCE: Final = 1000


@click.command()
@click.argument("archive", type=Existing())
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where it goes, decrypted."
)
@format_option("text", "json")
@with_client
def open_archive(client: Client, archive: Path, output: Path, form: str) -> None:
    """
    Decrypt the texts that an archive of events (json or jsonl) holds, with keys that the control plane gives out.

    What was erased, or is past its retention, has no key any more and stays as it is. What comes out is proven by the
    manifest of the archive: `kt events verify FILE --manifest ARCHIVE.manifest.json`. The control plane's audit log
    notes that it was opened. The new file is in the clear: erasing does not reach it.

    \b
      kt events open june.jsonl --output june-texts.jsonl
    """
    org = client.whoami()["organisation"]
    opened = closed = 0
    draft = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY), "w", encoding="utf-8") as out:
            for some in _pages(archive):
                keys = _keys(client, some)
                for line, sealed in some:
                    plain = _opened(line, sealed, keys, org)
                    opened += plain is not None
                    closed += plain is None and sealed is not None
                    out.write(line if plain is None else plain)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
    if form == "json":
        emit_value({"path": str(output), "opened": opened, "without_key": closed}, form)
        return
    say(f"{opened} texts were decrypted" + (f"; of {closed} there is no key any more" if closed else ""))
    click.echo(str(output))


def _pages(archive: Path) -> Iterator[list[tuple[str, Mapping[str, Any] | None]]]:
    """Lines of the file, each with the event whose content is encrypted in it."""
    with archive.open(encoding="utf-8") as file:
        lines = enumerate(file, start=1)
        while some := list(islice(lines, AT_ONCE)):
            yield [(line, _sealed(archive, number, line)) for number, line in some]


def _sealed(archive: Path, number: int, line: str) -> Mapping[str, Any] | None:
    text = line.strip().removesuffix(",")
    if text in {"", "[", "]", "[]"}:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"`{archive}:{number}` is no record of an event: open events, in json or jsonl"
        raise stop(message, status=Exit.WRONG_INPUT, code="unreadable")
    return found if is_content_sealed(found) else None


def _keys(client: Client, some: list[tuple[str, Mapping[str, Any] | None]]) -> dict[str, str]:
    wanted = [str(event["id"]) for _, event in some if event is not None]
    return client.events.content_keys(wanted)["keys"] if wanted else {}


def _opened(line: str, event: Mapping[str, Any] | None, keys: Mapping[str, str], org: str) -> str | None:
    """The line in the clear; None: it is as it was. The rest of it stays to the byte: it is what was signed."""
    if event is None or event["id"] not in keys:
        return None
    sealed = event["content"][SEALED]
    plain = decrypt(base64.b64decode(sealed), base64.b64decode(keys[event["id"]]), org, event["id"])
    return None if plain is None else line.replace(f'{{"{SEALED}":"{sealed}"}}', plain.decode(), 1)
