"""`kt events why`: a decision in words, judged again by the document that ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from keeptrusts.cli.connection import make_client, with_settings
from keeptrusts.cli.documents import sound_text
from keeptrusts.cli.feed import SPOOL, find_event
from keeptrusts.cli.output import emit_value, format_option, paint, shown
from keeptrusts.cli.settings import Settings
from keeptrusts.core.errors import KeeptrustsError

GENERAL: Final[Mapping[str, str]] = {
    "all_policies_passed": "every policy let it pass",
    "escalation_approved": "a person had approved it",
    "escalation_pending": "a person had not decided yet",
    "escalation_denied": "a person had decided against it",
    "escalation_expired": "nobody decided in time",
    "escalation_spent": "the approval had been used before",
    "escalation_mismatch": "the decision was about another request",
    "rate_limit": "the caller made too many requests",
    "request_unreadable": "the request could not be read, and what cannot be read is refused",
    "configuration_disabled": "the configuration is switched off",
    "body_too_large": "the request was too large",
    "client_gone": "the client left before the end",
    "gateway_crashed": "the gateway met a bug of its own, and refused",
    "no_provider": "the configuration names no provider",
}
"""Reasons that no policy gives."""
AS_LEFT: Final = "the texts were kept as the policies had left them, so there is nothing to redact in them any more"
NOT_ENOUGH: Final = (
    "what was kept of the request is not all that was judged, or this version of `kt` judges it otherwise"
)


@click.command()
@click.argument("event_id")
@SPOOL
@click.option(
    "--file", "path", metavar="FILE", help="The document that ran.  [default: the version that the event names]"
)
@format_option("text", "json")
@with_settings
def why(settings: Settings, /, event_id: str, *, spool: Path | None, path: str | None, form: str) -> None:
    """
    Say why a decision was what it was: which policy objected, to what, and under which configuration.

    What the record keeps of the texts is judged again by the version of the configuration that ran, and told beside
    what was recorded. `audit-logger.content` says how much is kept.

    \b
      kt events why evt_0193...
      kt events why evt_0193... --spool ./spool --file policy-config.yaml
    """
    event = find_event(settings, event_id, spool)
    lines = list(explain(event))
    if path is not None:
        told = judge_again(event, sound_text(path), f"`{path}`")
    elif spool is None and event.get("configuration_id") and event.get("configuration_version"):
        told = _by_its_version(settings, event)
    else:
        told = iter(("  not judged again: give the document that ran with `--file`",))
    lines += told if event.get("event_type", "decision") == "decision" else ()
    if form == "json":
        emit_value({"event_id": event.get("id"), "why": [click.unstyle(line).strip() for line in lines]}, form)
        return
    for line in lines:
        click.echo(line)


def _by_its_version(settings: Settings, event: Mapping[str, Any]) -> Iterator[str]:
    identifier, number = str(event["configuration_id"]), int(event["configuration_version"])
    try:
        with make_client(settings) as client:
            text = client.configurations.version(identifier, number)["policy_yaml"]
    except KeeptrustsError as refused:
        yield f"  not judged again: version {number} of `{identifier}` cannot be read: {refused}"
        return
    yield from judge_again(event, text, f"version {number}")


def judge_again(event: Mapping[str, Any], text: str, name: str) -> Iterator[str]:
    """What a document says of the record today, beside what was recorded."""
    from keeptrusts.policy.document import compile_document
    from keeptrusts.policy.simulation import REASONS, rejudge

    try:
        policy = compile_document(text)
    except KeeptrustsError as unfit:
        yield f"  not judged again: {name} does not lint here: {unfit}"
        return
    if event.get("config_digest") not in {None, policy.digest}:
        yield f"  {name} is not the document that ran: its digest is {policy.digest}"
    said = rejudge(policy, event)
    if isinstance(said, str):
        yield f"  not judged again by {name}: {REASONS[said]}"
        return
    again = f"  judged again by {name}: {paint(said.verdict)}, {said.reason_code}"
    if said.verdict == event.get("verdict"):
        yield f"{again}; as recorded"
        return
    yield f"{again}; recorded was {paint(shown(event.get('verdict')))}"
    kept_as_left = event.get("verdict") == "redacted" and said.verdict == "allowed"
    yield f"    {AS_LEFT if kept_as_left else NOT_ENOUGH}"


def explain(event: Mapping[str, Any]) -> Iterator[str]:
    """Line by line; only what the record holds, never content."""
    if event.get("event_type") == "gap":
        lost = f"records {event.get('from_sequence')} to {event.get('to_sequence')} of `{event.get('instance_id')}`"
        yield f"not a decision: {lost} were lost ({event.get('reason')})"
        return
    verdict, reason = shown(event.get("verdict")), shown(event.get("reason_code"))
    phase = f" in the phase `{event['phase']}`" if event.get("phase") else ""
    yield f"{paint(verdict)} with status {event.get('status')}{phase}: {reason}"
    general = GENERAL.get(reason)
    if general is not None:
        yield f"  {general}"
    for one in event.get("policies") or ():
        if one.get("verdict") not in {"allowed", "skipped"} or one.get("findings"):
            yield f"  {_policy(one)}"
    skipped = [one["kind"] for one in event.get("policies") or () if one.get("verdict") == "skipped"]
    if skipped:
        yield f"  not asked any more: {', '.join(f'`{kind}`' for kind in dict.fromkeys(skipped))}"
    yield from _context(event)


def _policy(result: Mapping[str, Any]) -> str:
    found = ", ".join(f"{one['count']} x {one['category']}" for one in result.get("findings") or ())
    shadow = "" if result.get("mode", "enforce") == "enforce" else f" (mode `{result['mode']}`)"
    said = f"`{result['kind']}` said {paint(shown(result['verdict']))} in `{result['phase']}`{shadow}"
    return f"{said}: {shown(result['reason_code'])}" + (f"; found {found}" if found else "")


def _context(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("degraded"):
        yield "  a policy failed, and `--fail-mode allow` let the request pass"
    if event.get("escalation_id"):
        yield f"  next: kt escalation show {event['escalation_id']}"
    if event.get("configuration_id"):
        version = event.get("configuration_version")
        yield f"  configuration `{event['configuration_id']}` version {version} ({shown(event.get('config_digest'))})"
    asked = " to ".join(shown(event[name]) for name in ("model", "provider") if event.get(name))
    if asked:
        yield f"  asked {asked}, at {shown(event.get('timestamp'))}"
