"""`kt events verify`: proves an archive of events, without a control plane."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from keeptrusts.cli.duration import DURATION
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.feed import Spooled
from keeptrusts.cli.files import Existing
from keeptrusts.cli.output import emit, emit_value, format_option, say
from keeptrusts.core.ids import EVENT, lowest_id
from keeptrusts.trail.chain import verify as verify_chains
from keeptrusts.trail.evidence import PROMPT_S, Proof, Window, prove

COLUMNS: Final = ("name", "where", "message")
_FILE = Existing()


@click.command()
@click.argument("archive", type=Existing(folder=None))
@click.option("--manifest", type=_FILE, help="Of the archive.  [default: FILE.manifest.json, when it is there]")
@click.option("--keys", "keys_file", type=_FILE, help="The public keys, as `GET /v1/trail/keys` answers.  "
              "[default: those that the manifest brings along]")  # fmt: skip
@click.option("--witness", type=_FILE, help="`witness.json` of a gateway's spool.")
@click.option("--max-delay", type=DURATION, metavar="DURATION", help="Name what was sealed later than this after the "
              "time it claims, such as 1h.  [default: say how many came late]")  # fmt: skip
@format_option("table", "json")
def verify(archive: Path, form: str, *, manifest: Path | None, keys_file: Path | None, witness: Path | None,
           max_delay: int | None) -> None:  # fmt: skip
    """
    Prove an archive of events (json or jsonl), or the spool directory of a gateway. Nothing leaves this machine.

    With its manifest, every record is held against the signed checkpoints: one that was changed, deleted, added later,
    doubled or moved is named, and so is a missing end. Without, only the chains of the gateways are checked. A record
    that a gateway held back, or that somebody put in with an earlier time, was sealed late: `--max-delay` names it.

    \b
      kt export create --format jsonl --window 30d --wait --output june.jsonl --manifest
      kt events verify june.jsonl --keys trail-keys.json --witness spool/witness.json
      kt events verify ./spool

    Exit status: 0 nothing wrong, 3 something is wrong, 2 a file cannot be read.
    """
    if archive.is_dir():
        _prove_spool(archive, form)
        return
    beside = archive.with_name(f"{archive.name}.manifest.json")
    told = manifest or (beside if beside.exists() else None)
    if told is None:
        records = _in_order(archive)
        say(f"{len(records)} records; without a manifest only their chains are checked: whether the first or last ones "
            "are missing is not seen. Export with `--manifest` to prove that, too")  # fmt: skip
        _show([vars_of(one) for one in verify_chains(records)], form)
        return
    said = _manifest(told)
    keys, window = _keys(keys_file, said), _window(said)
    proof = prove(_rows(archive), said, keys, window, _witnesses(witness), max_delay_s=max_delay)
    _summary(proof, said, from_manifest=keys_file is None)
    _show([{"name": one.name, "where": one.where, "message": one.message} for one in proof.found], form)


def _prove_spool(directory: Path, form: str) -> None:
    """A chain that was shipped and cleared in part begins later; that is not seen as a loss."""
    records = Spooled(directory, lambda _: True).chained()
    say(f"{len(records)} records in the spool; whether the last ones are missing is seen at the control plane alone")
    _show([vars_of(one) for one in verify_chains(records)], form, "the spool")


def vars_of(defect: Any) -> dict[str, str]:
    """A defect of a chain in the form of a finding."""
    return {"name": defect.name, "where": f"{defect.instance_id}#{defect.sequence}", "message": defect.message}


def _show(found: list[dict[str, str]], form: str, what: str = "the archive") -> None:
    if form == "json":
        emit_value(found, "json")
    elif found:
        emit(found, COLUMNS, form)
    if found:
        raise stop(f"{what} does not prove: {len(found)} findings", status=Exit.FOUND, code="not_proven")
    say("nothing is wrong")


def _summary(proof: Proof, manifest: Mapping[str, Any], *, from_manifest: bool) -> None:
    say(f"{proof.rows} records, {proof.checkpoints} checkpoints, {len(proof.sealed)} sealed entries")
    say(
        f"of {_said(manifest, 'organisation')}, from {_said(manifest, 'window_from')} to {_said(manifest, 'window_to')}"
    )
    if from_manifest:
        say("the keys come from the manifest: give `--keys` from a source of your own")
    if not proof.window.whole:
        say(f"the archive was filtered ({manifest.get('filters')}): that nothing is missing cannot be told")
    late = [delay for identifier, delay in proof.delays.items() if identifier in proof.seen]
    if late:
        say(f"{len(late)} records were sealed more than {PROMPT_S // 60} minutes after the time they claim, the latest "
            f"after {max(late) // 60} minutes; `--max-delay 10m` names them")  # fmt: skip
    if proof.erased:
        say(f"{len(proof.erased)} records were erased on request")
    if proof.content_erased:
        say(f"of {len(proof.content_erased)} records the content was erased on request")
    if proof.content_sealed:
        say(f"of {proof.content_sealed} records the content is encrypted; `kt events open` asks for the keys")
    if proof.deleted_before:
        say(f"retention has deleted records below `{proof.deleted_before}`")


def _manifest(path: Path) -> dict[str, Any]:
    found = _object(path)
    if not isinstance(found.get("checkpoints", []), list):
        raise _unreadable(f"`{path}` is not the manifest of an archive")
    return found


def _said(manifest: Mapping[str, Any], name: str) -> str:
    """What is not signed may hold anything, and this goes to a terminal."""
    text = str(manifest.get(name))
    return text if text.isprintable() else repr(text)


def _window(manifest: Mapping[str, Any]) -> Window:
    try:
        lowest, highest = (_lowest(str(manifest[name])) for name in ("window_from", "window_to"))
        _lowest(str(manifest.get("covers_until", manifest["window_to"])))
    except (KeyError, ValueError):
        raise _unreadable("the manifest does not say of which time the archive is") from None
    return Window(lowest, highest, whole=not manifest.get("filters"))


def _lowest(moment: str) -> str:
    found = datetime.fromisoformat(moment)
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return lowest_id(EVENT, int(found.timestamp() * 1000))


def _keys(path: Path | None, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    listed = None if path is None else _object(path)
    try:
        told = None if listed is None else {one["key_id"]: one["public_key"] for one in listed["data"]}
        found = manifest.get("keys", {}) if told is None else told
        return {str(name): base64.b64decode(key, validate=True) for name, key in found.items()}
    except (AttributeError, KeyError, TypeError, binascii.Error):
        raise _unreadable("the keys cannot be read") from None


def _witnesses(path: Path | None) -> list[tuple[int, str]]:
    if path is None:
        return []
    try:
        return [(int(one["number"]), str(one["digest"])) for one in _object(path)["heads"]]
    except (KeyError, TypeError, ValueError):
        raise _unreadable(f"`{path}` is not what a gateway witnessed") from None


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _unreadable(f"`{path}` is not a JSON object")
    return found


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Line by line; of a JSON array, too, as exports write one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip().removesuffix(b",")
            if text in {b"", b"[", b"]", b"[]"}:
                continue
            try:
                found = json.loads(text.decode("utf-8"), object_pairs_hook=_object_of)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict) or found.keys().isdisjoint(("sequence", "hash")):
                raise _unreadable(f"`{path}:{number}` is no record of an event: verify events, in json or jsonl")
            yield found


def _object_of(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """With a member twice it is another object to each reader, and matches no hash."""
    found = dict(members)
    return found if len(found) == len(members) else found | {"hash": None}


def _in_order(path: Path) -> list[Mapping[str, Any]]:
    """Archives go by id, chains by sequence: a request that began earlier may have ended later."""
    return sorted(_rows(path), key=lambda one: (str(one.get("instance_id")), _sequence(one)))


def _sequence(event: Mapping[str, Any]) -> int:
    found = event.get("sequence")
    return found if isinstance(found, int) else 0


def _unreadable(message: str) -> click.ClickException:
    return stop(message, status=Exit.WRONG_INPUT, code="unreadable")
