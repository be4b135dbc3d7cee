"""`kt policy simulate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from keeptrusts.cli.documents import sound_text
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.output import emit_value, format_option
from keeptrusts.policy.simulation import REASONS, Impact, simulate

SHOWN: Final = 5


@click.command("simulate")
@click.option("--file", "path", required=True, metavar="FILE", help="The document that might be used: the candidate.")
@click.option(
    "--against", required=True, metavar="EVENTS", help="Recorded decisions, one JSON object a line; `-`: stdin."
)
@click.option("--base", metavar="FILE", help="The document that ran when they were recorded.")
@click.option(
    "--max-newly-blocked-ratio",
    "most",
    type=click.FloatRange(0, 1),
    help="Exit 3 when more of the replayed decisions than this would be blocked anew.",
)
@format_option("text", "json")
def policy_simulate(path: str, against: str, base: str | None, most: float | None, form: str) -> None:
    """
    Judge recorded decisions again with another document: what it would block, allow, redact, escalate.

    It needs events whose texts were kept (`audit-logger.content: redacted` or `full`), and tells how many could not be
    judged again, and why. With `--base` those to which a policy had objected can be judged again, too.

    \b
      kt export create --format jsonl --window 24h --wait --output events.jsonl
      kt policy simulate --file new.yaml --base policy-config.yaml --against events.jsonl

    Exit status: 0 done; 3 more is newly blocked than allowed; 2 a document or the events are not valid; 1 a file could
    not be read.
    """
    from keeptrusts.policy.document import compile_document

    documents = [compile_document(sound_text(one)) for one in (path, *([base] if base else ()))]
    impact = simulate(documents[0], _events(against), documents[1] if base else None)
    if form == "json":
        emit_value(impact.as_json(), form)
    else:
        for line in _lines(impact):
            click.echo(line)
    sys.exit(Exit.FOUND if most is not None and impact.newly_blocked_ratio > most else 0)


def _events(path: str) -> Iterator[Mapping[str, Any]]:
    source = sys.stdin if path == "-" else _opened(path)
    with source as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if not isinstance(event, dict):
                raise stop(
                    f"`{path}`, line {number}, is not an event in JSON",
                    "write them with `kt export create --format jsonl`",
                    status=Exit.WRONG_INPUT,
                    code="invalid_events",
                )
            yield event


def _opened(path: str) -> Any:
    try:
        return Path(path).open(encoding="utf-8")
    except OSError as fault:
        reason = (fault.strerror or "it cannot be read").lower()
        raise stop(f"`{path}` cannot be read: {reason}", "name a file of events", code="unreadable_file") from None


def _lines(impact: Impact) -> Iterator[str]:
    yield f"{impact.events} events, {impact.replayed} judged again, {impact.unchanged} of them alike"
    for name, moved in impact.moved.items():
        samples = ", ".join(moved.sample_event_ids[:SHOWN]) + (", ..." if moved.count > SHOWN else "")
        yield f"newly {name}: {moved.count}" + (f"  {samples}" if moved.count else "")
        for code, count in sorted(moved.reason_codes.items()):
            yield f"  {code}: {count}"
    for reason, count in sorted(impact.left_out.items()):
        yield f"not judged again: {count}, {REASONS[reason]}"
